"""Asks a running page what one photo shows, as another program would: ask.py URL PHOTO EXPECTED."""

from __future__ import annotations

import sys

from gradio_client import Client, handle_file

url, photo, expected = sys.argv[1:]
client = Client(url, verbose=False)
answer = client.predict(image=handle_file(photo), model="example", top_k=2, api_name="/predict")
print(answer)
if expected not in str(answer):
    sys.exit(f"The page does not say “{expected}”.")
