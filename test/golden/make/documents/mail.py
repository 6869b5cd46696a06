"""Writes a mail in Chinese with a table and a DOCX attached, as Python's own library makes it: mail.py DATA."""

import sys
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

data = Path(sys.argv[1])
mail = EmailMessage()
mail["Subject"] = "年度报告 and its figures"
mail["From"] = Address("林秋水", "lin", "greenstone.example")
mail["To"] = Address("Zhou Ming", "zhou", "greenstone.example")
mail["Date"] = "Mon, 04 Mar 2024 09:30:00 +0800"
mail["Message-ID"] = "<report@greenstone.example>"
mail.set_content((data / "texts/zh-hans.txt").read_text("utf-8"), charset="gb18030", cte="base64")
mail.add_alternative("<html><body><p>see the plain text</p></body></html>", subtype="html")
mail.add_attachment((data / "texts/figures.csv").read_bytes(), maintype="text", subtype="csv", filename="figures.csv")
mail.add_attachment((data / "office/report-zh.docx").read_bytes(), maintype="application",
                    subtype="vnd.openxmlformats-officedocument.wordprocessingml.document", filename="年度报告.docx")
sys.stdout.buffer.write(mail.as_bytes())
