"""The command `resnet-lab evaluate`: of CIFAR-10 nets here, of the others where they are made.

Paper: Section 4.2 (a single view of each test image); Section 3.4 for ImageNet, 4.3 for detection.
Notebook: notebooks/01_degradation.py. Tests: tests/test_cli.py.
"""

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from resnet_lab.cli_detection import EPILOG, evaluate_result_files
from resnet_lab.cli_detection_evaluate import evaluate_detection
from resnet_lab.cli_imagenet import evaluate_imagenet
from resnet_lab.cli_localisation import EVALUATE_EPILOG, evaluate_localisation
from resnet_lab.options import Data, ImagesName


class CifarByDefault(TyperGroup):
    """`evaluate FILE` is `evaluate cifar FILE`, and `train` is `train cifar`."""

    def parse_args(self, ctx, args: list[str]) -> list[str]:
        """The words, with `cifar` before them if they begin with no command."""
        if not args and self.no_args_is_help:
            return super().parse_args(ctx, args)
        if not args or args[0] not in (*self.commands, "--help"):
            args = ["cifar", *args]
        return super().parse_args(ctx, args)


evaluate_app = typer.Typer(
    cls=CifarByDefault,
    help="Error of stored weights. A file right behind it is one for CIFAR-10.",
    epilog="Example: resnet-lab evaluate ResNet-20-w8_seed0-….safetensors --width 8 --size 16. "
    "Seconds.",
    no_args_is_help=True,
)
evaluate_app.command(
    "imagenet",
    epilog="Example: resnet-lab evaluate imagenet --weights torchvision:resnet50 --protocol "
    "10-crop --data ~/imagenet. How long 50,000 images take was not measured yet.",
)(evaluate_imagenet)
evaluate_app.command(
    "detection",
    epilog="Example: resnet-lab evaluate detection out/detection/ResNet-16-B_seed0-… --refine "
    "--vote. Seconds on the drawn scenes.",
)(evaluate_detection)
evaluate_app.command("result-files", epilog=EPILOG)(evaluate_result_files)
evaluate_app.command("detections", hidden=True)(evaluate_result_files)  # its name of old
evaluate_app.command("localisation", epilog=EVALUATE_EPILOG)(evaluate_localisation)


@evaluate_app.command(
    "cifar",
    epilog="Example: resnet-lab evaluate cifar ResNet-20-w8_seed0-….safetensors --width 8 "
    "--size 16. Seconds.",
)
def evaluate_cifar(
    weights: Annotated[Path, typer.Argument(help="A .safetensors file, ours or renamed to ours.")],
    depth: Annotated[int, typer.Option(help="Weighted layers, 6n+2.")] = 20,
    shortcut: Annotated[str, typer.Option(help="none (the plain net), A, B or C.")] = "A",
    width: Annotated[int, typer.Option(min=1, help="Filters of the first stage.")] = 16,
    size: Annotated[int, typer.Option(help="Pixels: 32, or 16 for our quick nets.")] = 32,
    by_position: Annotated[
        bool, typer.Option(help="Take the tensors in their order, whatever their names.")
    ] = False,
    mean: Annotated[
        tuple[float, float, float] | None,
        typer.Option(help="Channel means the net was trained with, in 0..1. Default: per pixel."),
    ] = None,
    std: Annotated[
        tuple[float, float, float] | None,
        typer.Option(help="Channel deviations the net was trained with. Default: none."),
    ] = None,
    data: Data = None,
    images: ImagesName = None,
) -> None:
    """Test error of stored weights, from a single view of each test image."""
    from resnet_lab import data as data_module
    from resnet_lab import evaluation
    from resnet_lab.resnet import cifar

    dataset = data_module.load(data, name=images)
    net = evaluation.load_net(weights, cifar(depth, shortcut=shortcut, width=width), by_position)
    found = evaluation.test_error(net, dataset, size=size, mean=mean, std=std)
    typer.echo(f"{net.config.name}: test error {found:.2f} % on {dataset.label}")
