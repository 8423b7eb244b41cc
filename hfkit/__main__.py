"""`python -m hfkit`, and so `accelerate launch -m hfkit train text ...`: the `hfkit` command."""

from .commands.main import main

if __name__ == "__main__":
    main()
