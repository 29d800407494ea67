#!/usr/bin/env python3
"""image.py NAME OUTPUT [--entrypoint WORD]... [--user UID] FILE=/PATH...

Writes a container image of the given files as an OCI layout tar, with the standard library alone. It adds the shared
libraries that `ldd` lists for a program. FILE may be a folder; `@TARGET=/PATH` adds a symbolic link. The image is
reproducible: the same files yield the same bytes.
"""

import argparse
import hashlib
import io
import json
import os
import subprocess
import tarfile


class Layer:
    """A tar of files and their parent folders, without repetitions."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w")
        self.present = set()
        self.folder("tmp", 0o1777)

    def entry(self, path, kind, mode):
        self.present.add(path)
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode = kind, mode
        return entry

    def folder(self, path, mode=0o755):
        if path and path not in self.present:
            self.folder(os.path.dirname(path))
            self.tar.addfile(self.entry(path, tarfile.DIRTYPE, mode))

    def link(self, target, path):
        self.folder(os.path.dirname(path))
        entry = self.entry(path, tarfile.SYMTYPE, 0o777)
        entry.linkname = target
        self.tar.addfile(entry)

    def file(self, source, path):
        if path in self.present:
            return
        self.folder(os.path.dirname(path))
        with open(source, "rb") as content:
            entry = self.entry(path, tarfile.REGTYPE, 0o755 if os.access(source, os.X_OK) else 0o644)
            entry.size = os.fstat(content.fileno()).st_size
            self.tar.addfile(entry, content)
        for library in shared_libraries(source):
            self.file(library, library.lstrip("/"))

    def add(self, source, path):
        if source.startswith("@"):
            self.link(source[1:], path)
        elif os.path.isdir(source):
            for folder, folders, files in os.walk(source):
                folders.sort()
                for name in sorted(files):
                    below = os.path.join(folder, name)
                    self.file(below, os.path.join(path, os.path.relpath(below, source)))
        else:
            self.file(source, path)

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()


def shared_libraries(path):
    with open(path, "rb") as content:
        if content.read(4) != b"\x7fELF":
            return []
    # ldd fails for a statically linked program.
    lines = subprocess.run(["ldd", path], capture_output=True, text=True).stdout.splitlines()
    words = [word for line in lines for word in line.split() if word.startswith("/")]
    return sorted(set(words))


def write(name, layer, entrypoint, user, output):
    blobs = {}

    def blob(content, **description):
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"digest": f"sha256:{digest}", "size": len(content), **description}

    media = "application/vnd.oci.image."
    layer = blob(layer, mediaType=media + "layer.v1.tar")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    config = {
        "architecture": machine,
        "os": "linux",
        "config": {"Entrypoint": entrypoint or None, "Env": ["PATH=/bin:/usr/bin"], "User": user, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }
    config = blob(json.dumps(config).encode(), mediaType=media + "config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": media + "manifest.v1+json", "config": config, "layers": [layer]}
    manifest = blob(json.dumps(manifest).encode(), mediaType=media + "manifest.v1+json")
    manifest["platform"] = {"architecture": machine, "os": "linux"}
    manifest["annotations"] = {"io.containerd.image.name": name}
    with tarfile.open(output, "w") as tar:
        def put(path, content):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))

        put("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        put("index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
        for digest, content in blobs.items():
            put(f"blobs/sha256/{digest}", content)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("output")
    parser.add_argument("--entrypoint", action="append", default=[])
    parser.add_argument("--user", default="65532:65532")
    parser.add_argument("files", nargs="+", metavar="FILE=/PATH")
    arguments = parser.parse_intermixed_args()
    layer = Layer()
    for file in arguments.files:
        source, path = file.rsplit("=", 1)
        layer.add(source, path.lstrip("/"))
    write(arguments.name, layer.bytes(), arguments.entrypoint, arguments.user, arguments.output)


main()
