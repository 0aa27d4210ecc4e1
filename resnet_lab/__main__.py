"""`python -m resnet_lab` is `resnet-lab`: what torchrun starts on every GPU.

Paper: nowhere; Section 3.4's batches of 256 need several GPUs.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_cli_imagenet.py.
"""

from resnet_lab.cli import main

if __name__ == "__main__":
    main()
