"""Writes a PDF with a form that is filled in and a comment, by reportlab: form.py OUT."""

import sys

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

canvas = Canvas(sys.argv[1], pagesize=A4, invariant=True)
canvas.drawString(60, 780, "Card of a reader")
canvas.textAnnotation("Ask again in May.", Rect=[300, 770, 320, 790])
form = canvas.acroForm
for row, (name, label, value) in enumerate([("reader[0]", "Reader", "Zhou Ming"), ("card", None, "GS-40172"), ("wish", "Wish", "")]):
    canvas.drawString(60, 740 - 40 * row, label or "Card number")
    form.textfield(name=name, tooltip=label, value=value, x=160, y=732 - 40 * row, width=200, height=24)
canvas.drawString(60, 620, "Lends books")
form.checkbox(name="lends", tooltip="Lends books", checked=True, x=160, y=615)
canvas.drawString(60, 580, "Lends films")
form.checkbox(name="films", tooltip="Lends films", checked=False, x=160, y=575)
canvas.drawString(60, 540, "Branch")
form.choice(name="branch", tooltip="Branch", value="North", options=["North", "South"], x=160, y=532, width=100, height=24)
canvas.save()
