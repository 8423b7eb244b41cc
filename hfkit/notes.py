"""What a run has to say of its data, model and training: a value with a code, which is printed in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """One thing that was found, guessed, cut, dropped or chosen.

    Attributes:
        code: What kind of note it is, such as `split_cut`; others ask for the code and never read the text.
        text: A sentence for a person.
        split: The split that it is about, where it is about one.
        on_card: Whether it may stand on a model card: notes that name files of the data, or speak of this machine, may not.

    """

    code: str
    text: str
    split: str | None = None
    on_card: bool = True

    def __str__(self) -> str:
        return self.text
