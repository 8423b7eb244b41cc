"""The names of all flags, known without importing torch or transformers.

Ours are those of the dataclasses; those of `transformers.TrainingArguments` stand in a table, which a test compares with the
installed release. Of another minor release than the table's nothing is said: the full parser knows.
"""

from dataclasses import Field, dataclass, fields
from functools import cache
from importlib.metadata import version

from .arguments import DataArguments, ModelArguments, TextDataArguments, TextModelArguments
from .image_arguments import ImageDataArguments, ImageModelArguments
from .training_flags import ImageTrainingFlags, TrainingFlags

TABLE_OF = "5.24"
"""The minor release of transformers whose flags the table has."""

TRAINER_FLAGS = frozenset(
    """
    output_dir per_device_train_batch_size num_train_epochs max_steps learning_rate lr_scheduler_type
    lr_scheduler_kwargs warmup_steps optim optim_args weight_decay adam_beta1 adam_beta2 adam_epsilon
    optim_target_modules gradient_accumulation_steps average_tokens_across_devices max_grad_norm
    label_smoothing_factor bf16 fp16 bf16_full_eval fp16_full_eval tf32 activation_checkpointing
    activation_checkpointing_kwargs gradient_checkpointing gradient_checkpointing_kwargs torch_compile
    torch_compile_backend torch_compile_mode use_liger_kernel liger_kernel_config use_cache neftune_noise_alpha
    torch_empty_cache_steps auto_find_batch_size logging_strategy logging_steps logging_first_step log_on_each_node
    logging_nan_inf_filter include_num_input_tokens_seen log_level log_level_replica disable_tqdm report_to run_name
    project trackio_space_id trackio_bucket_id trackio_static_space_id eval_strategy eval_steps eval_delay
    per_device_eval_batch_size prediction_loss_only eval_on_start eval_do_concat_batches eval_use_gather_object
    eval_accumulation_steps include_for_metrics batch_eval_metrics save_only_model save_strategy save_steps
    save_on_each_node save_total_limit enable_jit_checkpoint push_to_hub hub_token hub_private_repo hub_model_id
    hub_strategy hub_always_push hub_revision load_best_model_at_end metric_for_best_model greater_is_better
    ignore_data_skip restore_callback_states_from_checkpoint full_determinism seed data_seed use_cpu
    accelerator_config parallelism_config dataloader_drop_last dataloader_num_workers dataloader_pin_memory
    dataloader_persistent_workers dataloader_prefetch_factor dataloader_multiprocessing_context dataloader_in_order
    remove_unused_columns label_names train_sampling_strategy length_column_name ddp_find_unused_parameters
    ddp_bucket_cap_mb ddp_broadcast_buffers ddp_static_graph ddp_backend ddp_timeout fsdp fsdp_config deepspeed
    debug skip_memory_metrics do_train do_eval do_predict resume_from_checkpoint local_rank
    """.split()
)
"""The fields of `transformers.TrainingArguments`."""

_TRUE_BY_DEFAULT = frozenset(
    """
    average_tokens_across_devices log_on_each_node logging_nan_inf_filter eval_do_concat_batches dataloader_pin_memory
    dataloader_in_order remove_unused_columns skip_memory_metrics
    """.split()
)
"""Those of them that are true without a flag: the parser has `--no_NAME` for them, too."""


@dataclass(frozen=True)
class RecipeFlags:
    """The dataclasses of the flags of a recipe, without those that transformers alone has."""

    model: type[ModelArguments]
    data: type[DataArguments]
    training: type[TrainingFlags]

    def fields(self) -> dict[str, "Field[object]"]:
        """Return the fields that are flags, by name."""
        groups = (self.data, self.model, self.training)
        return {item.name: item for group in groups for item in fields(group) if item.init}


TEXT_FLAGS = RecipeFlags(TextModelArguments, TextDataArguments, TrainingFlags)
IMAGE_FLAGS = RecipeFlags(ImageModelArguments, ImageDataArguments, ImageTrainingFlags)


def known_names(flags: RecipeFlags) -> frozenset[str]:
    """Return all names that a recipe's command line may have, with underscores and without the leading dashes."""
    ours = flags.fields()
    fixed = {item.name for item in fields(flags.training) if not item.init}
    theirs = TRAINER_FLAGS - fixed - set(ours)
    switches = {f"no_{name}" for name, item in ours.items() if item.default is True}
    switches |= {f"no_{name}" for name in theirs & _TRUE_BY_DEFAULT}
    return frozenset({*ours, *theirs, *switches, "config", "help", "h"})


@cache
def table_holds() -> bool:
    """Whether the installed transformers is of the minor release whose flags the table has."""
    return ".".join(version("transformers").split(".")[:2]) == TABLE_OF
