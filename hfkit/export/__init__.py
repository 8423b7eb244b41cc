"""A saved model as a folder in ONNX, with a small `predict.py` that needs neither PyTorch nor transformers nor hfkit.

Not here: predict.py itself and how `hfkit predict` reads such a folder (prediction/onnx_model.py, onnx_predictor.py).
Start reading in run.py: graph.py exports, parity.py and clean_prediction.py prove it, quantise.py stores the weights in 8 bits.
"""

__all__ = ["request", "run"]
