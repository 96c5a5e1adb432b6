"""Builds programs for boards, runs them in QEMU, and reads how large they are."""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys

M3 = ("thumbv7m-none-eabi", "mps2-an385")
M4F = ("thumbv7em-none-eabihf", "mps2-an386")
M0 = ("thumbv6m-none-eabi", "mps2-an385")  # its instructions are among those of an M3
BUILD_SECONDS, RUN_SECONDS = 150, 20


def need_tools():
    if not shutil.which("qemu-system-arm"):
        sys.exit("qemu-system-arm is missing; type: sudo apt-get install qemu-system-arm")
    if not shutil.which("cargo"):
        sys.exit("cargo is missing; see https://rustup.rs")
    libraries = os.path.join(output("rustc", "--print", "sysroot"), "lib", "rustlib")
    missing = [t for t, _ in (M3, M4F, M0) if not os.path.isdir(os.path.join(libraries, t))]
    if missing:
        sys.exit(f"the compiler lacks a target; type: rustup target add {' '.join(missing)}")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def build(board, *programs, features="", manifest="Cargo.toml", package="ropeway-costs"):
    """The paths of the programs by name."""
    built = cargo(board, programs, features, manifest, package, capture_output=False, stdout=subprocess.PIPE)
    if built.returncode:
        sys.exit(f"cannot build {', '.join(programs)} for {board[0]}")
    messages = map(json.loads, built.stdout.splitlines())
    paths = (message["executable"] for message in messages if message.get("executable"))
    return {os.path.basename(path): path for path in paths}


def does_not_link(board, *programs, features, symbol):
    """What is wrong if any of the programs can be linked, or cannot for another reason than that `symbol` is missing."""
    for program in programs:
        built = cargo(board, [program], features, "Cargo.toml", "ropeway-costs", capture_output=True)
        if not built.returncode:
            return f"{program} links"
        if f"undefined symbol: {symbol}" not in built.stderr:
            return f"{program} fails otherwise: {built.stderr.strip()}"
    return None


def cargo(board, programs, features, manifest, package, **options):
    command = ["cargo", "build", "--manifest-path", manifest, "-p", package, "--release", "--locked",
               "--target", board[0], "--features", features, "--message-format=json-render-diagnostics"]
    command += [word for program in programs for word in ("--bin", program)]
    try:
        return subprocess.run(command, text=True, timeout=BUILD_SECONDS, **options)
    except subprocess.TimeoutExpired:
        sys.exit(f"building for {board[0]} took more than {BUILD_SECONDS} seconds")


def run(board, elf, sent=b"", expected=None, icount=False):
    """What went wrong, if anything did, and what the program said."""
    line = ["-serial", "null" if expected is None else "stdio"]
    clock = ["-icount", "shift=6"] if icount else []
    try:
        ran = subprocess.run(qemu(board, elf, *line, *clock), input=sent, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        return f"still running after {RUN_SECONDS} seconds", b""
    error = failure(ran.returncode, ran.stdout)
    if not error and expected is not None and ran.stdout != expected:
        error = f"said {ran.stdout.hex(' ')} instead of {expected.hex(' ')}"
    return error, ran.stdout


def run_pair(board, elf, peer, told):
    """The same of two programs with a serial line between them; the peer, on an M3, is `told` who it talks to."""
    ends = socket.socketpair()
    # The ends stay open here: what one program has sent reaches the other even if the one has ended.
    line = [["-chardev", f"socket,id=line,fd={end.fileno()}", "-serial", "chardev:line"] for end in ends]
    commands = qemu(board, elf, *line[0]), qemu(M3, peer, *line[1], arguments=[told])
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[end.fileno()])
               for command, end in zip(commands, ends)]
    try:
        (said, _), (peer_said, _) = [program.communicate(timeout=RUN_SECONDS) for program in reversed(running)][::-1]
    except subprocess.TimeoutExpired:
        return f"still running after {RUN_SECONDS} seconds", b""
    finally:
        for program, end in zip(running, ends):
            program.kill()
            program.wait()
            end.close()
    return failure(running[1].returncode, peer_said) or failure(running[0].returncode, said), said


def qemu(board, elf, *more, arguments=()):
    semihosting = ",".join(["enable=on,target=native", *(f"arg={argument}" for argument in arguments)])
    return ["qemu-system-arm", "-M", board[1], "-display", "none", "-monitor", "none",
            "-semihosting-config", semihosting, "-kernel", elf, *more]


def failure(code, said):
    words = ", ".join(said.decode(errors="replace").split("\n")).strip(", ")
    return f"exit code {code}, {words}" if code else None


class Elf:
    """The sizes in a 32-bit little-endian ELF file: TIS ELF specification 1.2, book I, figures 1-3, 1-9, 1-15."""

    WRITE, ALLOC, NOBITS, SYMTAB = 1, 2, 8, 2

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        table, = struct.unpack_from("<I", data, 32)
        size, count = struct.unpack_from("<HH", data, 46)
        sections = [struct.unpack_from("<10I", data, table + size * i) for i in range(count)]
        self.flash = self.ram = 0
        self.symbols = {}
        for _, kind, flags, _, start, length, link, *_ in sections:
            if flags & self.ALLOC:
                self.flash += length * (kind != self.NOBITS)
                self.ram += length * bool(flags & self.WRITE)
            if kind == self.SYMTAB:
                for at in range(start, start + length, 16):
                    name, _, bytes_ = struct.unpack_from("<III", data, at)
                    name += sections[link][4]
                    self.symbols[data[name:data.index(0, name)].decode()] = bytes_

    def matching(self, part):
        return sum(size for name, size in self.symbols.items() if part in name)

    def count(self, part):
        return sum(part in name for name in self.symbols)
