"""Synthetic tasks whose answers are known: the grammar, training sequences and samples to measure with.

A document is filler (words in lower case) with records between them. A record binds a key, two capital letters, to four
digits, to a quotation or to another key:

    the slow river. [QX=4821]by the old road. [AB=QX]night was cold. [KP=wzqhrtpaxcnvbmke] ...

A prompt ends in an open record, and the model closes it:

    [QX=   4821]               passkey, needles; quoting, where the value is 16 letters
    [AB>   QX=4821]            tracking: follow the key in AB, name it, and give its value

A token is a byte, so every text here has one tokenisation. `test/support/synthetic-tasks.ts` makes the same samples from
the same seeds; `synthetic-tasks.test.ts` holds the two together.
"""

IM_END = 258
VOCABULARY = 264  # 256 bytes, five tokens of the Qwen format, three rows that stand for nothing
TASKS = ("passkey", "needles", "quoting", "tracking")
NEEDLES = 8
QUOTED = 16
DECOY_CHAINS = 2
WORDS = (
    "the a old small grey green river road house boat hill tree wind rain night day was ran stood lay near over under by "
    "and but then slow cold quiet long far home again"
).split()
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Random:
    """mulberry32: the same numbers in Python and in TypeScript."""

    def __init__(self, seed: int):
        self.state = seed & 0xFFFFFFFF

    def unit(self) -> float:
        """A number in [0, 1)."""
        self.state = (self.state + 0x6D2B79F5) & 0xFFFFFFFF
        t = self.state
        t = ((t ^ (t >> 15)) * (t | 1)) & 0xFFFFFFFF
        t = ((t + (((t ^ (t >> 7)) * (t | 61)) & 0xFFFFFFFF)) & 0xFFFFFFFF) ^ t
        return (t ^ (t >> 14)) / 4294967296

    def below(self, end: int) -> int:
        """A whole number in 0..end-1."""
        return int(self.unit() * end)

    def pick(self, items):
        return items[self.below(len(items))]


def filler(random: Random, length: int) -> str:
    """Sentences of four to nine words, cut off at `length` bytes."""
    text = ""
    while len(text) < length:
        count = 4 + random.below(6)
        text += " ".join(random.pick(WORDS) for _ in range(count)) + ". "
    return text[:length]


def fresh_key(random: Random, used: set) -> str:
    while (key := random.pick(CAPITALS) + random.pick(CAPITALS)) in used:
        pass
    used.add(key)
    return key


def digits(random: Random) -> str:
    return "".join(str(random.below(10)) for _ in range(4))


def quotation(random: Random, length: int) -> str:
    return "".join(random.pick(LETTERS) for _ in range(length))


def sample(task: str, seed: int, length: int, depth: float) -> tuple[str, str]:
    """A prompt of exactly `length` tokens and its answer.

    depth: 0 to 1, where in the filler the first record lies that the answer needs; the others lie anywhere.
    """
    random = Random(seed)
    used: set = set()
    key = fresh_key(random, used)
    others: list[str] = []
    if task == "tracking":
        target = fresh_key(random, used)
        value = digits(random)
        wanted, question, answer = f"[{key}={target}]", f"[{key}>", f"{target}={value}]"
        others.append(f"[{target}={value}]")
        for _ in range(DECOY_CHAINS):
            first, second = fresh_key(random, used), fresh_key(random, used)
            others += [f"[{first}={second}]", f"[{second}={digits(random)}]"]
    else:
        quoting = task == "quoting"
        new_value = (lambda: quotation(random, QUOTED)) if quoting else (lambda: digits(random))
        answer = new_value() + "]"
        wanted, question = f"[{key}={answer}", f"[{key}="
        for _ in range({"passkey": 0, "needles": NEEDLES - 1, "quoting": 1}[task]):
            others.append(f"[{fresh_key(random, used)}={new_value()}]")
    room = length - len(question) - len(wanted) - sum(map(len, others))
    if room < 0:
        raise ValueError(f"a prompt for {task} does not fit into {length} tokens")
    records = [(int(depth * room), wanted)] + [(random.below(room + 1), record) for record in others]
    records.sort(key=lambda record: record[0])
    text, at, prose = "", 0, filler(random, room)
    for place, record in records:
        text += prose[at:place] + record
        at = place
    return text + prose[at:] + question, answer


def training_sequence(random: Random, length: int) -> tuple[list[int], list[bool]]:
    """`length` + 1 ids of a text full of records and questions, and which of them are to be learned: the answers.

    A third of the sequences keep all questions for the end, so that every distance up to the length is asked over.
    A new key often shares a letter with an older one. Each answer is followed by <|im_end|>.
    """
    ids: list[int] = []
    learned: list[bool] = []
    used: set = set()
    keys: list[str] = []
    questions: list[tuple[str, str]] = []
    gap = random.pick((0, 0, 4, 12, 40))
    questions_last = random.unit() < 0.4

    def put(text: str, learn: bool = False) -> None:
        ids.extend(text.encode())
        learned.extend([learn] * len(text))

    def near_key() -> str:
        if keys and random.unit() < 0.5:
            old = random.pick(keys)
            key = random.pick(CAPITALS) + old[1] if random.unit() < 0.5 else old[0] + random.pick(CAPITALS)
            if key in used:
                key = fresh_key(random, used)
            used.add(key)
        else:
            key = fresh_key(random, used)
        keys.append(key)
        return key

    def pause() -> None:
        if gap:
            put(filler(random, random.below(2 * gap + 1)))

    def define() -> None:
        kind, key = random.unit(), near_key()
        if kind < 0.7:
            value = digits(random) if kind < 0.45 else quotation(random, 8 + random.below(13))
            put(f"[{key}={value}]")
            questions.append((f"[{key}=", f"{value}]"))
            return
        target, value = near_key(), digits(random)
        records = [f"[{key}={target}]", f"[{target}={value}]"]
        if random.unit() < 0.5:
            records.reverse()
        put(records[0])
        pause()
        put(records[1])
        questions.append((f"[{key}>", f"{target}={value}]"))
        questions.append((f"[{target}=", f"{value}]"))
        questions.append((f"[{key}=", f"{target}]"))

    def ask() -> None:
        question, answer = random.pick(questions)
        put(question)
        put(answer, True)
        ids.append(IM_END)
        learned.append(True)

    if questions_last:
        put(filler(random, random.below(1 + length // 3)) if random.unit() < 0.5 else "")
        until = length * (0.15 + 0.35 * random.unit())
        define()
        while len(ids) < until:
            define()
            pause()
        put(filler(random, int(max(0, length - len(ids)) * 0.8 * random.unit())))
        while len(ids) <= length:
            ask()
    else:
        define()
        while len(ids) <= length:
            if random.unit() < 0.35:
                define()
                pause()
            else:
                ask()
                if random.unit() < 0.3:
                    pause()
    return ids[: length + 1], learned[: length + 1]
