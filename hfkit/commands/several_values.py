"""Several values behind one flag, as `hfkit train` takes them: `--text_column premise hypothesis`."""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperOption


class TakesSeveralValues(TyperCommand):
    """A verb whose flags that may be given again may have several values at once, behind the arguments of the verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read a command line."""
        return super().parse_args(ctx, repeat_flags(args, self.params))


def repeat_flags(argv: Sequence[str], parameters: Sequence[Any]) -> list[str]:
    """Return a command line in which a flag stands before each of its values.

    A word behind a value of such a flag is one more of them where the verb has all its arguments already, and could be nothing
    else; before that it is an argument.

    Args:
        argv: The command line of a verb.
        parameters: What the verb has, each argument with one value.

    """
    options = {name: each for each in parameters if isinstance(each, TyperOption) for name in each.opts}
    missing = len(parameters) - len({id(each) for each in options.values()})
    whole: list[str] = []
    again, is_value = "", False
    for position, word in enumerate(argv):
        if word == "--":
            return [*whole, *argv[position:]]
        if is_value:
            is_value = False
        elif word.startswith("-") and word != "-":
            name, equals, _ = word.partition("=")
            option = options.get(f"{name[:2]}{name[2:].replace('-', '_')}")
            is_value = option is not None and not (equals or option.is_flag)
            again = name if option is not None and option.multiple else ""
        elif again and not missing:
            whole.append(again)
        else:
            missing -= 1
        whole.append(word)
    return whole
