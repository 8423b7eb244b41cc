"""`hfkit demo`: a page in the browser on which a model is tried, on this machine alone unless another host is named.

Not here: how models are opened and rows predicted (prediction/), and what is refused before (flags/demo.py).
Start reading in launch.py; page.py lays the page out by Gradio, answer.py and table.py compute what it shows, without Gradio.
"""

__all__ = ["launch"]
