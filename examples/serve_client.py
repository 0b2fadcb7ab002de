"""Pictures sent to a model on a server, in a few lines; ``kerasgen client`` does the same.

python examples/serve_client.py http://localhost:8501 eye_refiner_dcgan renders
"""

import sys

from kerasgen.deployment.client import RemoteModel, answer_files, generate_pictures


def main(url: str, name: str, *inputs: str) -> None:
    """Sends files, or asks a generator for eight pictures if there are none."""
    model = RemoteModel(url, name, timeout=30)
    if model.kind == "generator":
        answers = generate_pictures(model, "answers", count=8, seed=1)
    else:
        answers = answer_files(model, inputs, "answers")
    print(answers, *answers.refused.items(), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
