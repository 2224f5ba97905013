"""Compares the messages that the guides quote with the ones that the gateway gives. Standard library only.

A row of a table that begins with a message and its code in brackets, as in ``| is not base64 (`no-base64`) |``, quotes the beginning of the
sentence with that code: in docs/en the API's own words, in docs/zh those of the console. Where the sentence has a value, the quote may have
any value, or `…`.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUOTE = re.compile(r"^\| ([^|]+?) ?[(（]`([a-z0-9-]+)`[)）] \|", re.MULTILINE)
# In a list of sentences: `Name { what: String } = "code": "words";`. In the console: `K::Name => "中文",`.
SENTENCE = re.compile(r"(\w+)(?: \{[^}]*\})? = \"([a-z0-9-]+)\": \"([^\"]*)\"")
CHINESE = re.compile(r"((?:\w+::\w+(?: \| )?)+)(?: \{[^}]*\})? => (?:\{\s*)?\"([^\"]*)\"")


def sources(folder):
    return [path.read_text() for path in sorted((ROOT / folder).rglob("*.rs"))]


def sentences():
    """Each code with its sentences by language. Several lists may have a name in common, so that a code may have several in Chinese."""
    named, chinese = {}, {}
    for text in sources("functions") + sources("infra/runtime"):
        named.update({code: (name, words) for name, code, words in SENTENCE.findall(text)})
    for text in sources("functions/admin/src/console"):
        for names, words in CHINESE.findall(text):
            for name in re.findall(r"::(\w+)", names):
                chinese.setdefault(name, []).append(words)
    return {code: {"en": [words], "zh": chinese.get(name, [])} for code, (name, words) in named.items()}


def begins(sentence, quote):
    """Whether the quote is the beginning of the sentence."""
    signs = ["(?:.+?)" if part.startswith("{") else re.escape(part) for part in re.findall(r"\{[^}]*\}|[^{]", sentence)]
    return any(re.fullmatch("".join(signs[:length]), quote) for length in range(len(signs), 0, -1))


def main():
    known, wrong, seen = sentences(), [], 0
    for language in ["zh", "en"]:
        for page in sorted((ROOT / "docs" / language).glob("*.md")):
            for quote, code in QUOTE.findall(page.read_text()):
                seen += 1
                words = known.get(code, {}).get(language, [])
                if not any(begins(sentence, quote) for sentence in words):
                    wrong.append(f"docs/{language}/{page.name}: {quote} ({code}), and the gateway says: {' / '.join(words) or 'nothing'}")
    print(f"{seen} quoted messages compared")
    for one in wrong:
        print(f"FAILED: {one}", file=sys.stderr)
    sys.exit(1 if wrong or not seen else 0)


if __name__ == "__main__":
    main()
