"""Live trainings in ink and in words: error curves, a table, a line on how far they are.

Paper: Section 4.2; the curves are those of Figures 1 and 6, much reduced.
Notebook: notebooks/01_degradation.py, notebooks/05_cifar.py. Tests: tests/test_live_figures.py.
"""

import html
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from resnet_lab import style
from resnet_lab.live import Course, Seen
from resnet_lab.live_runs import TESTED, name_of
from resnet_lab.progress import duration

# two nets may share a colour, none a mark with its neighbour
MARKS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼"}
HEAD = ("net", "trained", "training error (%)", "test error (%)", "to its end")
GREY = "0.8"


def scale(courses: Sequence[Course], *, tested: str = "") -> str:
    """What every picture of `courses` says on its face: images, sizes, n, and that it is little."""
    images = courses[0].task.run.images
    name = {"cifar10": "CIFAR-10", "embedded": "embedded data"}[images.name]
    n = len(courses)
    return (
        f"{name}, reduced scale: thin nets, {images.size}x{images.size} images; "
        f"n = 1 run a line, {n} line{'s' if n > 1 else ''}\n"
        f"dashed: training error; solid: test error {tested}"
    )


def curves(
    courses: Sequence[Course],
    beside: Mapping[int, Course] | None = None,
    *,
    tested: str = f"on {TESTED:,} test images",
) -> Figure:
    """Error against updates, a colour and a mark a net; `beside`: number -> its recorded run.

    Units: errors in percent.
    """
    figure, (ax,) = style.sheet(1, width=7.6, height=3.6)
    ax.set(xlabel="updates", ylabel="error (%)", ylim=(0, 100))
    begun = [course for course in courses if course.points]
    if not begun:
        ax.set(xlim=(0, 1))
        ax.text(0.5, 50, "no net was trained yet", ha="center", color="0.35")
        return figure
    end = max(max(c.task.updates if not c.whole else c.points[-1].step for c in begun), 1)
    ends, names = {}, {}
    for number, course in enumerate(begun):
        if beside and number in beside:
            draw(ax, beside[number], GREY, "", end)
        config = course.task.run.net
        key = f"{'plain' if config.shortcut == 'none' else 'ResNet'}-{config.depth}-{number}"
        mark = list(MARKS)[number % len(MARKS)]
        ends[key] = draw(ax, course, style.colour(key), mark, end)
        names[key] = f"{MARKS[mark]} {name_of(course.task)}"
    ax.set_xlim(0, end)
    style.label_ends(ax, ends, names)
    grey = "; grey: the shipped run of the same net and seed" if beside else ""
    figure.suptitle(scale(begun, tested=tested) + grey, fontsize="small", color="0.35")
    return figure


def draw(ax, course: Course, shade: str, mark: str, end: int) -> tuple[float, float]:
    """One net's two curves; returns where the one that comes furthest ends."""
    points = [point for point in course.points if point.step <= end]
    if not points:  # a recorded run, which begins later
        return end, 0.0
    look = dict(color=shade, linewidth=1.0 if shade == GREY else 1.8, zorder=1 + bool(mark))
    dot = "." if len(points) == 1 else ""  # one point makes no line
    trained = [p.train_error for p in points]
    ax.plot([p.step for p in points], trained, "--", marker=dot, **look)
    tests = [(p.step, p.test_error) for p in points if p.test_error is not None]
    if tests:
        look |= dict(marker=mark, markersize=5, clip_on=False) if mark else {}
        ax.plot(*zip(*tests, strict=True), "-", **look)
    return points[-1].step, tests[-1][1] if tests else points[-1].train_error


def rows(courses: Sequence[Course]) -> list[tuple[str, ...]]:
    """One row a net: name, updates, last training and test error, and whether it came to its end.

    Units: percent; the training error is the mean over the last updates, on augmented images.
    """
    made = []
    for course in courses:
        last = course.points[-1] if course.points else None
        tests = [p.test_error for p in course.points if p.test_error is not None]
        made.append(
            (
                name_of(course.task),
                f"{last.step if last else 0:,} of {course.task.updates:,} updates",
                f"{last.train_error:.1f}" if last else "–",
                f"{tests[-1]:.1f}" if tests else "not measured yet",
                "yes" if course.whole else "no",
            )
        )
    return made


def markdown(courses: Sequence[Course]) -> str:
    """The rows as a Markdown table."""
    head = f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}"
    return "\n".join([head, *(f"| {' | '.join(row)} |" for row in rows(courses))])


def page(courses: Sequence[Course]) -> str:
    """The rows as an HTML table."""
    lines = [
        f"<tr><th scope='row' style='text-align:left'>{html.escape(first)}</th>"
        + "".join(f"<td style='padding:0 1em'>{html.escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows(courses)
    ]
    head = "".join(f"<th scope='col' style='padding:0 1em'>{cell}</th>" for cell in HEAD)
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>" if lines else ""


def sentence(seen: Seen) -> str:
    """How far the trainings are, in one line: net, updates, rate, updates a second, time left."""
    after = f" Then: {', '.join(map(name_of, seen.waiting))}." if seen.waiting else ""
    if seen.problem:
        return f"Ended by an error: {seen.problem}"
    if not seen.courses and seen.state == "running":
        return f"Starting.{after}"
    waiting = after.replace("Then", "On the list") or " The list is empty."
    if seen.state == "ready" or not seen.courses:
        return f"Ready.{waiting}"
    course = seen.courses[-1]
    name = name_of(course.task)
    if seen.state in ("running", "paused"):
        if not seen.step:
            return f"Preparing images and net: {name}.{after}"
        lr = course.points[-1].lr if course.points else None
        words = [f"{name}: update {seen.step:,} of {course.task.updates:,}"]
        words += [f"learning rate {lr:g}"] if lr else []
        words += [f"{seen.rate:.1f} updates/s"] if seen.rate else []
        words += [f"about {duration(seen.left)} left"] if seen.left is not None else []
        head = "Paused. " if seen.state == "paused" else ""
        return f"{head}{', '.join(words)}.{after}"
    if seen.state == "stopped":
        return f"Stopped: {name} after {seen.step:,} updates. What was trained stays."
    return f"Done.{waiting}"
