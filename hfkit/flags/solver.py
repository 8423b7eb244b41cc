"""How a head is trained: solved as a convex problem on a frozen backbone, by the Trainer, or both; nothing here imports torch."""

import copy
from dataclasses import fields, replace
from typing import Any

from ..errors import UserError
from .names import TRAINER_FLAGS
from .training_flags import TrainingFlags

CONVEX, TRAINER, BOTH = "convex", "trainer", "both"
SOLVED_HEADS = ("linear", "layers")

OBEYED = frozenset(
    """
    output_dir resume_from_checkpoint seed full_determinism per_device_eval_batch_size bf16 fp16 tf32 use_cpu local_rank
    ddp_backend ddp_timeout log_level log_level_replica log_on_each_node save_on_each_node disable_tqdm run_name project
    push_to_hub do_train do_eval do_predict label_names remove_unused_columns solver class_weights feature_cache
    feature_cache_dtype metric baselines label_issues max_error license language
    """.split()
)
"""Flags of a run, and not of steps: a solved head obeys them, too, or they belong to others of these."""
_OF_PLACES = ("hub_", "trackio_")
"""How flags begin that say where a push or a report goes."""
_WITHOUT_EFFECT = ("dataloader_", "ddp_")
"""How flags begin that say how fast rows are read or gradients exchanged: no reason for another way to train."""
_OF_IMAGES_AND_MODELS = (
    "augment mixup cutmix cache_views head_dropout mask_ratio reconstruction_weight two_heads".split()
)
_OF_TRAINING = TRAINER_FLAGS.union(item.name for item in fields(TrainingFlags))

IDLE = frozenset(name for name in _OF_TRAINING - OBEYED if name.startswith(_WITHOUT_EFFECT))
"""Flags that a solved head has no use for, and that do not choose how it is trained."""
OF_THE_TRAINER = frozenset(
    {*(name for name in _OF_TRAINING - OBEYED - IDLE if not name.startswith(_OF_PLACES)), *_OF_IMAGES_AND_MODELS}
)
"""Flags that only the Trainer obeys: all of training that are not of a whole run."""
_OF_OTHER_HEADS = ("head_hidden_size", "head_layers", "head_activation", "two_heads", "global_pool")


def choose_solver(arguments: Any) -> tuple[Any, str]:
    """Fill in head and solver where the backbone is frozen or the head is solved first, and say why in a sentence.

    Without `--head` a frozen backbone gets a head on several layers, and one that trains on from the solved head a linear one.
    A linear head or one on several layers is solved, unless a flag is given that only the Trainer obeys. `--solver both` solves
    it, and the Trainer goes on from there with the layers of the backbone that are to train: LP-FT, Kumar et al. 2022, arXiv
    2202.10054.

    Args:
        arguments: The flags (`kinds.Arguments`), which stay as they are.

    Raises:
        UserError: `--solver convex` is for a frozen backbone and these heads, `--solver both` for one that trains and these;
            or `--layers` is given for a head that reads none.

    """
    known = arguments.given | set(arguments.filled_in)
    is_from_run = bool(arguments.filled_in)  # a user's own file has none
    adapts = arguments.model.peft != "none"
    frozen = arguments.model.unfreeze_from == "none" and not adapts
    chosen_before = arguments.filled_in.get("solver")  # in the run that this one repeats or continues
    asked = None if chosen_before else arguments.training.solver
    if adapts and asked in (CONVEX, BOTH):
        raise UserError(
            f"--solver {asked} solves a head, and the adapters of --peft lora train in steps: leave one of them out."
        )
    if (frozen or asked == BOTH) and "head" not in known and not known.intersection(_OF_OTHER_HEADS):
        # States of early layers may vary by a thousandth of their size: a head on them does not survive that they move.
        head = "linear" if asked == BOTH else "layers"
        arguments = _fill_in(arguments, model=replace(arguments.model, head=head), head=head)
    head = arguments.model.head
    _check_layers_are_read(arguments.model)
    if asked == CONVEX and not (frozen and head in SOLVED_HEADS):
        raise UserError(
            f"--solver convex solves a head {' or '.join(SOLVED_HEADS)} on a frozen backbone: write --unfreeze_from none with "
            "one of them, or leave --solver out."
        )
    if asked == BOTH:
        return _solve_first(arguments, frozen, head)
    if not frozen or head not in SOLVED_HEADS:
        return arguments, ""
    # The file of a run holds all flags: of it, those alone were given that stand on the command line.
    given = arguments.on_command_line if chosen_before or (asked and is_from_run) else known
    return _choose_convex_or_trainer(arguments, given, asked, chosen_before)


def _choose_convex_or_trainer(
    arguments: Any, given: frozenset[str], asked: str | None, chosen_before: str | None
) -> tuple[Any, str]:
    """Choose how a head is trained that can be solved: by what is asked for, or the flags that are given."""
    given = frozenset(name.removeprefix("no_") for name in given)  # `--no_NAME` is another way to write `--NAME false`
    obeyed = sorted(name for name in given & OF_THE_TRAINER if _asks_for_steps(arguments, name))
    solver = asked or (TRAINER if obeyed else chosen_before or CONVEX)
    if solver == TRAINER:
        reason = "given" if asked else f"since --{obeyed[0]} is for it alone" if obeyed else "as in the run's start"
        return _fill_in(arguments, solver=TRAINER), f"Solver: trainer ({reason})."
    if asked and obeyed:
        raise UserError(f"--{obeyed[0]} is for --solver trainer: leave one of them out.")
    data = arguments.data
    if hasattr(data, "augment"):
        arguments = _fill_in(arguments, data=replace(data, augment="none"), augment="none")
    said = f"Solver: convex ({'given' if asked else 'default on a frozen backbone'})."
    idle = sorted(f"--{name}" for name in given & IDLE)
    return _fill_in(arguments, solver=CONVEX), f"{said} Without effect on it: {', '.join(idle)}." if idle else said


def _asks_for_steps(arguments: Any, name: str) -> bool:
    """Tell whether a flag that only the Trainer obeys asks for something, which `--augment none` and `--mixup 0` do not."""
    parts = (arguments.data, arguments.model, arguments.training)
    part = next(part for part in parts if hasattr(part, name))
    value = getattr(part, name)
    return value not in ("none", []) and (part is arguments.training or bool(value))


def _check_layers_are_read(model: Any) -> None:
    """Refuse layers for a head that reads none."""
    if model.layers is not None and model.head != "layers":
        raise UserError(
            f"--layers {' '.join(model.layers)} is for --head layers, not for --head {model.head}: add it, or leave --layers out."
        )


def is_solved(training: Any) -> bool:
    """Tell whether the head is solved, and nothing trains in steps, of training flags that `choose_solver` returned."""
    return training.solver == CONVEX


def _solve_first(arguments: Any, frozen: bool, head: str) -> tuple[Any, str]:
    """Check that a head can be solved and then trained on with its backbone."""
    if frozen:
        raise UserError(
            "--solver both trains the backbone on from the solved head: write --unfreeze_from all or a layer's name, or "
            "--solver convex to keep it frozen."
        )
    if head not in SOLVED_HEADS:
        raise UserError(
            f"--solver both solves a head {' or '.join(SOLVED_HEADS)} first, and --head {head} is none of them: leave one of "
            "the flags out."
        )
    if getattr(arguments.model, "two_heads", False):
        raise UserError("--solver both solves one head, and --two_heads asks for two: leave one of the flags out.")
    said = "Solver: both (the head is solved on the backbone as it is, and the Trainer goes on from there)."
    if "head_dropout" in arguments.given | set(arguments.filled_in):
        return arguments, said
    # A solved head balances many features against each other: to drop some of them moves its logits by more than they are.
    model = replace(arguments.model, head_dropout=0.0)
    return _fill_in(arguments, model=model, head_dropout=0.0), f"{said[:-1]}, without dropout in the head."


def _fill_in(arguments: Any, model: Any = None, data: Any = None, **values: Any) -> Any:
    """Return the arguments with values that nobody gave."""
    flags = {name: value for name, value in arguments.flags.items() if name not in values or name in arguments.given}
    filled_in = {
        **arguments.filled_in,
        **{name: value for name, value in values.items() if name not in arguments.given},
    }
    training = copy.copy(arguments.training)
    training.solver = values.get("solver", training.solver)
    return replace(
        arguments,
        model=model or arguments.model,
        data=data or arguments.data,
        training=training,
        flags=flags,
        filled_in=filled_in,
    )
