"""Trains the small Qwen2 model that the tests of long contexts use, and writes it to test/model/data/needle.

    python -m venv VENV && VENV/bin/pip install torch transformers safetensors numpy
    VENV/bin/python test/model/train/train.py                 (two threads: --threads 2)
    VENV/bin/python test/model/train/golden.py                (afterwards: references for our engine)
    VENV/bin/python test/model/train/accuracy.py              (afterwards: the table of accuracy by length)

It learns to close records of synthetic documents (tasks.py): passkeys, several needles, quotations and keys that lead to
keys. Texts grow from 128 to 256 tokens in training, every answer of a text teaches at once, and nothing but answers is
learned. The same seed, machine and torch give the same weights; another machine's rounding gives others, as good.
"""

import argparse
import pathlib
import time

import torch
import torch.nn.functional as F

from checkpoint import FOLDER, save
from model import Config, Model, begin_as_induction
from tasks import TASKS, Random, sample, training_sequence

# (tokens a text, tokens a step, steps)
STAGES = ((128, 2048, 400), (256, 2048, 800))
LEARNING_RATE = 2e-3
WARM_UP_STEPS = 40
DECAY_FROM = 0.5  # of all tokens; from there the rate falls to nothing in a straight line
LONGEST_ANSWER = 17  # tokens


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=pathlib.Path, default=FOLDER)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--threads", type=int, default=1)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    model = begin_as_induction(Model(Config()), chosen.seed)
    print(sum(values.numel() for values in model.parameters()), "parameters", flush=True)
    train(model, Random(chosen.seed), chosen.out)


def train(model: Model, random: Random, out: pathlib.Path) -> None:
    """Runs all stages; writes the checkpoint every minute, so that a look at it costs nothing."""
    matrices = [values for values in model.parameters() if values.dim() == 2]
    vectors = [values for values in model.parameters() if values.dim() < 2]
    groups = [dict(params=matrices, weight_decay=0.01), dict(params=vectors, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98))
    total = sum(tokens * steps for _, tokens, steps in STAGES)
    started = saved = time.monotonic()
    step = seen = 0
    losses: list[float] = []
    for length, tokens, steps in STAGES:
        for _ in range(steps):
            step += 1
            rate = min(1, step / WARM_UP_STEPS, (1 - seen / total) / (1 - DECAY_FROM))
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * rate
            texts = [training_sequence(random, length) for _ in range(tokens // length)]
            ids = torch.tensor([ids for ids, _ in texts])
            learned = torch.tensor([learned for _, learned in texts])[:, 1:]
            loss = F.cross_entropy(model(ids[:, :-1], learned), ids[:, 1:][learned])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            seen += tokens
            losses.append(loss.item())
            if step % 50 == 0:
                minutes = (time.monotonic() - started) / 60
                print(f"{minutes:5.1f} min, step {step}, texts of {length}: loss {sum(losses[-50:]) / 50:.4f}", flush=True)
            if time.monotonic() - saved > 60:
                saved = time.monotonic()
                save(model, out)
                print(f"       {accuracies(model, length)}", flush=True)
    save(model, out)
    for length in (128, 256):
        print(f"at {length} tokens: {accuracies(model, length, 200)}", flush=True)


@torch.no_grad()
def accuracies(model: Model, length: int, count: int = 32) -> dict[str, float]:
    """Share of samples of each task that the model answers exactly, prompt and answer `length` tokens together."""
    result = {}
    for task in TASKS:
        right = 0
        for n in range(count):
            shorter = 18  # the longest answer
            prompt, answer = sample(task, 1_000_000 + n, length - LONGEST_ANSWER, (n + 0.5) / count)
            ids = torch.tensor([list((prompt + answer).encode())])
            guessed = model(ids)[0, len(prompt) - 1 : -1].argmax(-1)
            right += bool((guessed == ids[0, len(prompt) :]).all())
        result[task] = right / count
    return result


if __name__ == "__main__":
    main()
