"""Writes flat OpenDocument texts for LibreOffice to make PDFs, DOCX and ODT of: flat_odt.py TEXTS OUT."""

import sys
from pathlib import Path
from xml.sax.saxutils import escape

texts, out = map(Path, sys.argv[1:])

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"
 xmlns:meta="urn:oasis:names:tc:opendocument:xmlns:meta:1.0"
 office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.text">
<office:meta><dc:title>{title}</dc:title></office:meta>
<office:styles>
<style:style style:name="Standard" style:family="paragraph" style:class="text">
 <style:paragraph-properties fo:margin-bottom="0.2cm" {paragraph}/>
 <style:text-properties fo:font-size="{size}pt" style:font-name="{font}" fo:font-family="{font}" fo:hyphenate="{hyphenate}"
  fo:hyphenation-remain-char-count="2" fo:hyphenation-push-char-count="2" fo:language="{language}" fo:country="{country}"
  style:font-name-asian="{cjk}" style:font-family-asian="{cjk}" style:font-size-asian="{size}pt" style:language-asian="zh" style:country-asian="CN"/>
</style:style>
<style:style style:name="Heading_20_1" style:display-name="Heading 1" style:family="paragraph" style:parent-style-name="Standard" style:default-outline-level="1" style:class="text">
 <style:text-properties fo:font-size="{large}pt" style:font-size-asian="{large}pt" fo:font-weight="bold"/></style:style>
<style:style style:name="Heading_20_2" style:display-name="Heading 2" style:family="paragraph" style:parent-style-name="Standard" style:default-outline-level="2" style:class="text">
 <style:text-properties fo:font-size="{medium}pt" style:font-size-asian="{medium}pt" fo:font-weight="bold"/></style:style>
<style:style style:name="Header" style:family="paragraph"/><style:style style:name="Footer" style:family="paragraph"/>
</office:styles>
<office:automatic-styles>
<style:style style:name="Columns" style:family="section"><style:section-properties text:dont-balance-text-columns="true">
 <style:columns fo:column-count="2" fo:column-gap="0.7cm"/></style:section-properties></style:style>
<text:list-style style:name="Dots"><text:list-level-style-bullet text:level="1" text:bullet-char="•"/></text:list-style>
<text:list-style style:name="Numbers"><text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>
 <text:list-level-style-number text:level="2" style:num-format="1" style:num-suffix="." text:display-levels="2"/></text:list-style>
<style:page-layout style:name="Page"><style:page-layout-properties fo:page-width="21cm" fo:page-height="29.7cm" style:print-orientation="portrait" style:writing-mode="{writing}" fo:margin="2cm"/>
 <style:header-style/><style:footer-style/></style:page-layout>
</office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="Page">{edges}</style:master-page></office:master-styles>
<office:body><office:text>"""
TAIL = "</office:text></office:body></office:document>\n"
EDGES = """<style:header><text:p text:style-name="Header">{header}</text:p></style:header>
<style:footer><text:p text:style-name="Footer">{footer} <text:page-number text:select-page="current">1</text:page-number></text:p></style:footer>"""


def head(**values: str) -> str:
    defaults = dict(size="10.5", large="20", medium="14", font="DejaVu Serif", cjk="Noto Serif CJK SC", hyphenate="false",
                    language="en", country="US", paragraph="", writing="lr-tb", edges="", title="")
    return HEAD.format(**(defaults | values))


def p(text: str) -> str:
    return f'<text:p text:style-name="Standard">{escape(text)}</text:p>'


def h(text: str, level: int = 1) -> str:
    return f'<text:h text:style-name="Heading_20_{level}" text:outline-level="{level}">{escape(text)}</text:h>'


def items(lines: list, style: str = "Dots") -> str:
    inner = "".join(
        f"<text:list-item>{p(line) if isinstance(line, str) else p(line[0]) + items(line[1], style)}</text:list-item>" for line in lines)
    return f'<text:list text:style-name="{style}">{inner}</text:list>'


def noted(text: str, note: str) -> str:
    return p(text)[:-len("</text:p>")] + (
        '<text:note text:id="n1" text:note-class="footnote"><text:note-citation>1</text:note-citation>'
        f"<text:note-body>{p(note)}</text:note-body></text:note></text:p>")


def table(name: str, rows: list[list[str]]) -> str:
    cells = "".join(
        "<table:table-row>" + "".join(
            f'<table:table-cell office:value-type="string">{p(cell)}</table:table-cell>' for cell in row) + "</table:table-row>"
        for row in rows)
    return f'<table:table table:name="{name}"><table:table-column table:number-columns-repeated="{len(rows[0])}"/>{cells}</table:table>'


def paragraphs(name: str) -> tuple[str, list[str]]:
    title, *rest = [block.strip() for block in (texts / name).read_text("utf-8").split("\n\n")]
    return title, rest


def alice(chapters: int) -> list[str]:
    """Paragraphs of the first chapters; the headings begin with CHAPTER."""
    text = (texts / "../../../../../resources/alice.txt").resolve().read_text("utf-8")
    blocks = [" ".join(block.split()) for block in text.split("\n\n") if block.strip()]
    starts = [index for index, block in enumerate(blocks) if block.upper().startswith("CHAPTER ")]
    starts = starts if len(starts) > chapters else [0, 60, 120]
    return blocks[starts[0]:starts[chapters]]


title, rest = paragraphs("en.txt")
body = "".join(h(block, 2) if block.upper().startswith("CHAPTER ") else p(block) for block in alice(3))
(out / "columns.fodt").write_text(
    head(title=title, hyphenate="true", paragraph='fo:text-align="justify"',
         edges=EDGES.format(header="Readings of the Greenstone library", footer="Page"))
    + h(title) + p(rest[0]) + '<text:section text:style-name="Columns" text:name="Columns">' + body + "</text:section>" + TAIL,
    "utf-8")

figures = [line.split(",") for line in (texts / "figures.csv").read_text("utf-8").replace('"1,204"', "1204").split("\n") if line]
(out / "report-en.fodt").write_text(
    head(title=title, edges=EDGES.format(header="Readings of the Greenstone library", footer="Page"))
    + h(title) + p(rest[0]) + h("Rooms and hours", 2) + noted(rest[1], "The accounts were audited in May by two readers.") + p(rest[2])
    + items(["Open on Saturdays until ten", ["Buy foreign books", ["three hundred in English", "one hundred in Japanese"]], "Try lending machines"], "Numbers")
    + h("Figures", 2) + table("Figures", figures) + h("What readers wish", 2) + p(rest[3]) + items(["longer hours", "more books"])
    + h("A reading", 2) + "".join(p(block) for block in alice(1)) + TAIL,
    "utf-8")

title, rest = paragraphs("zh-hans.txt")
staff = [line.split(",") for line in (texts / "名册.csv").read_text("utf-8").replace('"流通部,夜班"', "流通部夜班").split("\n") if line]
(out / "report-zh.fodt").write_text(
    head(title=title, edges=EDGES.format(header="青石镇图书馆", footer="第"))
    + h(title) + p(rest[0]) + h("修缮与开放", 2) + p(rest[1]) + p(rest[2]) + items(["周末开放到晚上十点", "增加外文图书三百册", "试行自助借还"])
    + h("读者意见", 2) + p(rest[3]) + table("名册", staff) + "".join(p(block) for block in rest * 3) + TAIL,
    "utf-8")

title, rest = paragraphs("zh-hant.txt")
(out / "vertical.fodt").write_text(
    head(title=title, writing="tb-rl", cjk="Noto Serif CJK TC", size="14") + p(title) + "".join(p(block) for block in rest) + TAIL, "utf-8")
