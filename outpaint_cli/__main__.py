"""python -m outpaint_cli is outpaint."""

from outpaint_cli.app import main

if __name__ == "__main__":
    main()
