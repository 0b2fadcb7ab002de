"""Runs signatures through TensorFlow's C API, without Python's TensorFlow in the process.

    python c_api_process.py JOBS ANSWERS

JOBS is a pickle: folder of the libraries, and for each model its folder and runs (tensor names and
arrays by input, tensor names by output). ANSWERS gets the outputs, in the order of the runs, or
the status' message.
"""

import ctypes
import pickle
import sys
from ctypes import c_char_p, c_int, c_int64, c_size_t, c_uint8, c_void_p
from pathlib import Path

import numpy as np

_STRING, _STRING_BYTES = 7, 24
_DTYPES = {1: np.float32, 2: np.float64, 3: np.int32, 4: np.uint8, 9: np.int64, 10: np.bool_}
_NUMBERS = {np.dtype(each): number for number, each in _DTYPES.items()}


class Output(ctypes.Structure):
    """TF_Output."""

    _fields_ = (("oper", c_void_p), ("index", c_int))


class Library:
    """The functions of c_api.h that are needed, with their types."""

    def __init__(self, folder):
        self._framework = ctypes.CDLL(
            str(Path(folder, "libtensorflow_framework.so.2")), mode=ctypes.RTLD_GLOBAL
        )
        self._all = ctypes.CDLL(str(Path(folder, "libtensorflow_cc.so.2")))

    def __getattr__(self, name):
        function = getattr(self._all, name)
        pointers = ("New", "Allocate", "Data", "OperationByName", "Load", "GetDataPointer")
        if any(each in name for each in pointers):
            function.restype = c_void_p
        elif name in ("TF_Dim", "TF_StringGetSize"):
            function.restype = c_int64
        elif name == "TF_Message":
            function.restype = c_char_p
        return function


class Session:
    """TF_LoadSessionFromSavedModel, and TF_SessionRun on it."""

    def __init__(self, library, folder):
        self.tf = library
        self.status = c_void_p(library.TF_NewStatus())
        self.graph = c_void_p(library.TF_NewGraph())
        options = c_void_p(library.TF_NewSessionOptions())
        tags = (c_char_p * 1)(b"serve")
        path = c_char_p(str(folder).encode())
        self.session = c_void_p(
            library.TF_LoadSessionFromSavedModel(
                options, None, path, tags, c_int(1), self.graph, None, self.status
            )
        )
        self.check()

    def check(self):
        """Raises what the status says."""
        if self.tf.TF_GetCode(self.status):
            raise ValueError(self.tf.TF_Message(self.status).decode(errors="replace"))

    def run(self, inputs, outputs):
        """Arrays by tensor name -> the arrays of other tensor names."""
        fed = (Output * len(inputs))(*map(self._output, inputs))
        values = (c_void_p * len(inputs))(*(self._tensor(each) for each in inputs.values()))
        wanted = (Output * len(outputs))(*map(self._output, outputs))
        found = (c_void_p * len(outputs))()
        self.tf.TF_SessionRun(
            self.session, None,
            fed, values, c_int(len(inputs)),
            wanted, found, c_int(len(outputs)),
            None, c_int(0), None, self.status,
        )  # fmt: skip
        for value in values:
            self.tf.TF_DeleteTensor(c_void_p(value))
        self.check()
        arrays = [self._array(c_void_p(each)) for each in found]
        for each in found:
            self.tf.TF_DeleteTensor(c_void_p(each))
        return arrays

    def _output(self, name):
        operation, _, index = name.partition(":")
        found = self.tf.TF_GraphOperationByName(self.graph, c_char_p(operation.encode()))
        if not found:
            raise ValueError(f"There is no {name}")
        return Output(found, int(index))

    def _tensor(self, array):
        sizes = (c_int64 * array.ndim)(*array.shape)
        if array.dtype != object:
            return self._numbers(np.ascontiguousarray(array), sizes)
        length = _STRING_BYTES * array.size
        tensor = self.tf.TF_AllocateTensor(
            c_int(_STRING), sizes, c_int(array.ndim), c_size_t(length)
        )
        start = self.tf.TF_TensorData(c_void_p(tensor))
        for index, item in enumerate(array.ravel()):
            place = c_void_p(start + _STRING_BYTES * index)
            self.tf.TF_StringInit(place)
            self.tf.TF_StringCopy(place, c_char_p(item), c_size_t(len(item)))
        return tensor

    def _numbers(self, array, sizes):
        kind = c_int(_NUMBERS[array.dtype])
        size = c_size_t(array.nbytes)
        tensor = self.tf.TF_AllocateTensor(kind, sizes, c_int(array.ndim), size)
        ctypes.memmove(self.tf.TF_TensorData(c_void_p(tensor)), array.tobytes(), array.nbytes)
        return tensor

    def _array(self, tensor):
        rank = self.tf.TF_NumDims(tensor)
        shape = [self.tf.TF_Dim(tensor, c_int(axis)) for axis in range(rank)]
        start, kind = self.tf.TF_TensorData(tensor), self.tf.TF_TensorType(tensor)
        if kind != _STRING:
            length = self.tf.TF_TensorByteSize(tensor)
            content = (c_uint8 * length).from_address(start) if length else b""
            return np.frombuffer(bytes(content), _DTYPES[kind]).reshape(shape)
        items = []
        for index in range(int(np.prod(shape))):
            place = c_void_p(start + _STRING_BYTES * index)
            size = self.tf.TF_StringGetSize(place)
            items.append(ctypes.string_at(self.tf.TF_StringGetDataPointer(place), size))
        array = np.empty(len(items), object)
        array[:] = items
        return array.reshape(shape)


def main():
    jobs = pickle.loads(Path(sys.argv[1]).read_bytes())
    library = Library(jobs["libraries"])
    version = library.TF_Version
    version.restype = c_char_p
    answers = []
    for folder, runs in jobs["models"]:
        session = Session(library, folder)
        for inputs, outputs in runs:
            try:
                answers.append(session.run(inputs, outputs))
            except ValueError as error:
                answers.append(str(error))
    assert "tensorflow" not in sys.modules
    Path(sys.argv[2]).write_bytes(pickle.dumps(answers))
    print(version().decode())


if __name__ == "__main__":
    main()
