"""Serves signatures by a real Triton Inference Server, and sends it requests.

    python triton_process.py JOBS ANSWERS

with the Python of an environment that has ``nvidia-pytriton``. JOBS and ANSWERS are those of
``c_api_process``, whose session runs the models here, too. Each signature is a Triton model of
its own, and each run a request by Triton's own client.
"""

import pickle
import sys
from pathlib import Path

import numpy as np
from c_api_process import Library, Session
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig
from tritonclient.http import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

PORTS = {"http_port": 18500, "grpc_port": 18501, "metrics_port": 18502}
ADDRESS = f"localhost:{PORTS['http_port']}"


def as_declared(name, array):
    """A tensor of Triton; the first axis is the batch."""
    dtype = np.bytes_ if array.dtype == object else array.dtype.type
    return Tensor(name=name, dtype=dtype, shape=(-1,) * max(array.ndim - 1, 1))


def served(session, inputs, outputs):
    """The function behind one Triton model; a vector is a column there."""
    ranks = {name: array.ndim for name, array in inputs.items()}

    @batch
    def infer(**columns):
        fed = {}
        for (name, rank), column in zip(ranks.items(), columns.values(), strict=True):
            column = column.astype(object) if column.dtype.kind in "SO" else column
            fed[name] = column[:, 0] if rank == 1 else column
        found = session.run(fed, outputs)
        return [each[:, None] if each.ndim == 1 else each for each in found]

    return infer


def ask(client, name, inputs, count):
    """One request; its outputs, or the server's message."""
    sent = []
    for number, array in enumerate(inputs.values()):
        column = array[:, None] if array.ndim == 1 else array
        kind = np_to_triton_dtype(column.dtype)
        sent.append(InferInput(f"in{number}", column.shape, kind))
        sent[-1].set_data_from_numpy(column)
    try:
        answer = client.infer(name, sent)
    except InferenceServerException as error:
        return str(error)
    return [answer.as_numpy(f"out{number}") for number in range(count)]


def main():
    jobs = pickle.loads(Path(sys.argv[1]).read_bytes())
    library = Library(jobs["libraries"])
    asked = []
    with Triton(config=TritonConfig(**PORTS)) as triton:
        for model, (folder, runs) in enumerate(jobs["models"]):
            session = Session(library, folder)
            bound = {}
            for inputs, outputs in runs:
                key = (tuple(inputs), tuple(outputs))
                if key not in bound:
                    name = bound[key] = f"model{model}_{len(bound)}"
                    first = session.run(inputs, outputs)
                    triton.bind(
                        model_name=name,
                        infer_func=served(session, inputs, outputs),
                        inputs=[
                            as_declared(f"in{number}", each)
                            for number, each in enumerate(inputs.values())
                        ],
                        outputs=[
                            as_declared(f"out{number}", each) for number, each in enumerate(first)
                        ],
                        config=ModelConfig(max_batch_size=64),
                    )
                asked.append((bound[key], inputs, len(outputs)))
        triton.run()
        client = InferenceServerClient(ADDRESS)
        answers = [ask(client, *each) for each in asked]
        Path(sys.argv[2]).write_bytes(pickle.dumps(answers))


if __name__ == "__main__":
    main()
