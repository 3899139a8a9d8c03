"""A stand-in for the package `spaces`, as ZeroGPU has it: it lends nothing, and writes down what is asked of it.

`install(folder)` writes the package; with its folder on PYTHONPATH and SPACES_JOURNAL set to a file, a process finds
ZeroGPU there. What a borrowing function is given and yields goes through pickle, as between the real processes.
"""

from pathlib import Path

PACKAGE = '''
import inspect, json, os, pickle, sys

def note(**facts):
    with open(os.environ["SPACES_JOURNAL"], "a", encoding="utf-8") as journal:
        journal.write(json.dumps(facts) + "\\n")

note(event="imported", torch="torch" in sys.modules, gradio="gradio" in sys.modules)

def GPU(function=None, *, duration=60, **rest):
    if function is None:
        return lambda function: GPU(function, duration=duration, **rest)
    kind = "generator" if inspect.isgeneratorfunction(function) else "other"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        kind = "asynchronous"
    import torch
    note(event="decorated", kind=kind, cuda=torch.cuda.is_initialized())
    watch_launch()

    def lent(*arguments):
        sent = pickle.dumps(arguments)
        seconds = duration(*arguments) if callable(duration) else duration
        steps = 0
        for step in function(*pickle.loads(sent)):
            steps += 1
            yield pickle.loads(pickle.dumps(step))
        note(event="lent", seconds=seconds, steps=steps, sent=len(sent))

    return lent

def watch_launch():
    import gradio
    launch = gradio.Blocks.launch
    if getattr(launch, "watched", False):
        return

    def watched(self, *arguments, **keywords):
        note(event="launched")
        return launch(self, *arguments, **keywords)

    watched.watched = True
    gradio.Blocks.launch = watched
'''
CONFIG = '''
class Config:
    zero_gpu = True
'''


def install(folder: Path) -> Path:
    """Writes the package into ``folder``, which belongs on PYTHONPATH."""
    package = folder / "spaces"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE, encoding="utf-8")
    (package / "config.py").write_text(CONFIG, encoding="utf-8")
    return folder
