"""Generates the stubs of presence.v1 in a folder that is deleted with the process, and adds it to the path.

Needs protoc, its Python plugin for gRPC and the well-known types: on Debian protobuf-compiler,
protobuf-compiler-grpc and libprotobuf-dev.
"""

import atexit
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROTOS = HERE.parents[2] / "protos"
STATUS_PROTOS = HERE.parent / "protos"


def generate():
    folder = tempfile.mkdtemp(prefix="presence-stubs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run(
        [
            "protoc",
            f"--proto_path={PROTOS}",
            f"--proto_path={STATUS_PROTOS}",
            f"--plugin=protoc-gen-grpc_python={shutil.which('grpc_python_plugin')}",
            f"--python_out={folder}",
            f"--grpc_python_out={folder}",
            *(str(path) for path in sorted(PROTOS.rglob("*.proto"))),
            str(STATUS_PROTOS / "rpc_status.proto"),
        ],
        check=True,
        timeout=60,
    )
    sys.path.insert(0, folder)


generate()
