"""Prints the ids that Hugging Face's tokenizers gives for each line of standard input, a JSON string a line.

    python test/golden/make/token_ids.py tokenizer.json        (needs tokenizers; special tokens stay text)
"""

import json
import sys

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(sys.argv[1])
# The text of a user must not spell a token with a meaning: such tokens take no part.
model = json.loads(tokenizer.to_str())
model["added_tokens"] = []
plain = Tokenizer.from_str(json.dumps(model))
for line in sys.stdin:
    print(json.dumps(plain.encode(json.loads(line), add_special_tokens=False).ids))
