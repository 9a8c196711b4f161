"""`python -m gym`: the practice cluster from a shell."""

from gym.cli import main

if __name__ == "__main__":
    main()
