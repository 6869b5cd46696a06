"""The table of accuracy by length and depth under plain attention, YaRN and dual chunk attention, computed in torch.

    VENV/bin/python test/model/train/accuracy.py [--samples 200] [--factors 1,2,4,8,16,32,64]

Writes test/bench/results/needle-accuracy.json after every cell, and takes the cells up again that are there already.
An answer counts when each of its tokens is the likeliest after those before it, as greedy decoding would give them.
"""

import argparse
import json
import pathlib
import platform

import torch

from checkpoint import FOLDER, load
from model import DualChunk, Model, Plain, Scheme, Yarn, logits_under
from tasks import TASKS, sample

RESULT = pathlib.Path(__file__).parents[2] / "bench" / "results" / "needle-accuracy.json"
LONGEST_ANSWER = 17
SCHEMES = ("plain", "yarn", "dca")
DEPTHS = 5  # equal parts of the document in which the needed record lies
LOCAL_SIZE = 32


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--samples", type=int, default=200, help="of each task and length")
    options.add_argument("--factors", default="1,2,4,8,16,32,64", help="lengths, in trained lengths")
    options.add_argument("--tasks", default=",".join(TASKS))
    options.add_argument("--schemes", default=",".join(SCHEMES))
    options.add_argument("--folder", type=pathlib.Path, default=FOLDER)
    options.add_argument("--out", type=pathlib.Path, default=RESULT)
    options.add_argument("--threads", type=int, default=1)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    model = load(chosen.folder)
    trained = model.config.trained_length
    table = json.loads(chosen.out.read_text()) if chosen.out.exists() else dict(
        madeBy="test/model/train/accuracy.py", torch=torch.__version__, machine=platform.machine(), model="needle",
        trainedTokens=trained, precision="float32",
        dca=dict(chunkSize=trained, localSize=LOCAL_SIZE, originalTokens=trained),
        yarn="static: factor = length / trained length, original = trained length", cells=[],
    )
    done = {(cell["tokens"], cell["task"], cell["scheme"]) for cell in table["cells"]}
    for factor in map(int, chosen.factors.split(",")):
        length = trained * factor
        for task in chosen.tasks.split(","):
            for name in chosen.schemes.split(","):
                if (length, task, name) in done:
                    continue
                scheme = {
                    "plain": Plain(),
                    "yarn": Yarn(float(factor), trained),
                    "dca": DualChunk(trained, LOCAL_SIZE, trained),
                }[name]
                by_depth = accuracy_by_depth(model, task, length, scheme, chosen.samples)
                cell = dict(tokens=length, task=task, scheme=name, samples=chosen.samples,
                            accuracy=round(sum(by_depth) / DEPTHS, 4), byDepth=by_depth)
                table["cells"].append(cell)
                table["cells"].sort(key=lambda cell: (cell["tokens"], TASKS.index(cell["task"]), SCHEMES.index(cell["scheme"])))
                chosen.out.write_text(json.dumps(table, indent=1) + "\n")
                print(length, task, name, cell["accuracy"], by_depth, flush=True)


def accuracy_by_depth(model: Model, task: str, length: int, scheme: Scheme, samples: int) -> list[float]:
    """Prompt and the longest answer together are at most `length` tokens; `samples` are spread evenly over all depths."""
    right = [0] * DEPTHS
    for n in range(samples):
        prompt, answer = sample(task, length + n, length - LONGEST_ANSWER, (n + 0.5) / samples)
        ids = torch.tensor(list((prompt + answer).encode()))
        logits = logits_under(model, ids, scheme, last=len(answer) + 1)
        right[n * DEPTHS // samples] += bool((logits[:-1].argmax(-1) == ids[len(prompt) :]).all())
    return [round(count * DEPTHS / samples, 4) for count in right]


if __name__ == "__main__":
    main()
