"""Which ResNet is this really? Files of weights and modules, against the nets of the paper.

Paper: Tables 1 and 6, Figure 5, Section 4.1 (options A, B, C).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit.py.
"""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from resnet_lab.audit import reading, trace
from resnet_lab.audit.chain import Chain, find
from resnet_lab.audit.differences import differences, name, on_cifar, paper_net
from resnet_lab.audit.evidence import Evidence
from resnet_lab.audit.facts import facts, parameters
from resnet_lab.audit.layers import Layer, layers_of
from resnet_lab.audit.other import is_stack, why
from resnet_lab.audit.part import beside, part
from resnet_lab.audit.report import UNDECIDABLE, Fact, Report
from resnet_lab.audit.trace import Tape

__all__ = ["Fact", "Report", "UNDECIDABLE", "audit"]


def audit(thing: str | Path | nn.Module | Mapping[str, Tensor]) -> Report:
    """What a net is, and every difference from the paper's.

    `thing` is a file of weights, "package.module:factory" (which imports and runs that code), a
    module, or a state dict. It is judged by shapes, order and, for a module, by running it; never
    by a list of known names.

    Raises: InputError for what cannot be read.
    """
    if isinstance(thing, nn.Module):
        return of_module(thing, type(thing).__name__, "")
    if isinstance(thing, Mapping):
        return of_tensors(reading.unwrap(thing, "", "the mapping"), "a state dict")
    if not Path(thing).exists() and reading.is_factory(str(thing)):
        return of_module(reading.build(str(thing)), str(thing), str(thing).rpartition(":")[2])
    return of_tensors(reading.read(Path(thing)), str(thing))


def of_tensors(found: reading.Found, source: str) -> Report:
    """The report on a state dict."""
    layers = layers_of(reading.shapes(found.tensors))
    return judge(layers, None, source, found.claim, found.notes)


def of_module(net: nn.Module, source: str, claim: str) -> Report:
    """The report on a module, by running it if it runs."""
    layers = layers_of(reading.shapes(net.state_dict()))
    convs = [layer for layer in layers if layer.kind == "conv"]
    if not convs:
        return judge(layers, None, source, claim, ())
    channels, rank = convs[0].c_in, 2 + len(convs[0].kernel)
    # the smallest size that keeps an ImageNet net's last map wider than a pixel comes first
    sizes = (64, 32, 224, 28, 96, 112, 128, 299) if max(convs[0].kernel) > 3 else trace.SIZES
    try:
        tape = trace.run(net, channels, rank, sizes)
    except Exception as error:  # the user's code may raise anything
        note = f"it did not run ({reading.one_line(error)}): judged by its weights alone"
        return judge(layers, None, source, claim, (note,))
    return judge(layers, tape, source, claim, (), net)


def judge(
    layers: list[Layer],
    tape: Tape | None,
    source: str,
    claim: str,
    notes: tuple[str, ...],
    net: nn.Module | None = None,
) -> Report:
    """The report on layers, with what their run showed."""
    if tape is not None:
        chain, longest, held = ran(layers, tape)
    else:
        chain, longest, held = part(layers)
    if chain is not None:
        net = net if len(held) == len(layers) else None  # it is more than what is judged
        learned = count(net)
        e = Evidence(chain, held, tape, claim, learned)
        if not is_stack(e):
            return resnet(e, source, notes + beside(layers, held), net)
    return Report(
        source=source,
        is_resnet=False,
        verdict=why(layers, longest, tape),
        facts=(parameters(layers, count(net)),),
        differences=notes,
    )


def ran(layers: list[Layer], tape: Tape) -> tuple[Chain | None, Chain | None, list[Layer]]:
    """The net in the order of its run, or the part of a larger one, and the layers it has."""
    convs = [node.conv for node in tape.nodes if node.conv]
    chain, longest = find(convs, in_order=True)
    if chain is not None:
        return chain, longest, layers
    _, _, held = part(layers)
    if len(held) < len(layers):
        names = {layer.name for layer in held}
        chain, _ = find([conv for conv in convs if conv.name in names], in_order=True)
    return chain, longest, held if chain else layers


def count(net: nn.Module | None) -> int | None:
    """Learned values of a module, which tells them from its buffers."""
    return None if net is None else sum(p.numel() for p in net.parameters())


def resnet(e: Evidence, source: str, notes: tuple[str, ...], net: nn.Module | None) -> Report:
    """The report on a net of the paper's blocks."""
    found = facts(e, measure(e, net))
    by_name = {fact.name: fact for fact in found}
    differs = (*notes, *differences(e, by_name))
    option, called = by_name["shortcut"].value, name(e)
    if option == "none":
        called = called.replace("ResNet", "plain", 1)
    elif option == UNDECIDABLE:
        called += f", or plain-{e.depth}"
    elif option == "C" or (option == "B" and not e.bottleneck):
        called += f" with option {option}"
    net_s = {0: "not in the paper", 1: "Section 4.2's", 2: "Table 1's"}
    what = net_s[0 if not paper_net(e) else 1 if on_cifar(e) else 2]
    many = len(differs)
    what += "" if e.tape else ", as far as weights can tell" if paper_net(e) else ""
    what += f"; {many} difference{'s' * (many > 1)}" if many else ""
    open_ = [fact.name for fact in found if fact.value == UNDECIDABLE]
    what += f"; undecidable: {', '.join(open_)}" if open_ else ""
    return Report(
        source=source,
        is_resnet=True,
        verdict=f"{called}: {what}.",
        facts=found,
        differences=tuple(differs),
    )


def measure(e: Evidence, net: nn.Module | None) -> tuple[int, int] | None:
    """Multiply-adds that a run counts at the customary size, and the size."""
    if net is None or e.rank != 4:
        return None
    try:
        tape = trace.run(net, e.chain.stem[0].c_in, e.rank, (e.side,), counting=True)
    except Exception:  # a classifier for maps of another size, for example
        return None
    return tape.multiply_adds, e.side
