"""The training room: what every network's trainer shares.

photos, masks and losses go in; the loop trains any :class:`~outpaint_cli.training.task.Task`; checkpoints
make a killed run go on as if nothing had happened; export writes self-describing ONNX. PyTorch is imported
by the modules of this room and of the plugins' trainers, and nowhere else.
"""
