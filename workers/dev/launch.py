"""Replaces itself with a program that dies with its parent and, when asked, runs as another user.

Run as a script (`python -I -S launch.py PARENT DEATH_SIGNAL USER -- PROGRAM ARGUMENT...`), between fork and exec,
because a `preexec_fn` may deadlock in a process that has threads. It uses the standard library only and keeps the pid.

USER is `-` (stay who we are), `UID:GID`, or `UID:GID:passage`. With passage the program keeps the right to go through
folders that belong to root (CAP_DAC_OVERRIDE): Postgres refuses to run as root, and a checkout in root's home or a
temporary folder is closed to everybody else. Loosening those folders' modes instead would outlive us.
"""

import ctypes
import os
import sys

# linux/prctl.h, linux/capability.h
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522

EXIT_PARENT_GONE = 125
EXIT_CANNOT_START = 126


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySet(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def become(uid: int, gid: int, *, passage: bool) -> None:
    """Turns this process into `uid`/`gid` for good, keeping CAP_DAC_OVERRIDE across exec when `passage` is set.

    Raises OSError when the kernel refuses.
    """
    if passage:
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if passage:
        _keep_only(CAP_DAC_OVERRIDE)


def die_with(parent: int, death_signal: int) -> None:
    """Asks the kernel for `death_signal` when `parent` ends; leaves at once when that has already happened.

    Must follow `become`: changing the user forgets the wish (prctl(2)).
    """
    if sys.platform != "linux":
        return
    _prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        raise SystemExit(EXIT_PARENT_GONE)


def _keep_only(capability: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    mask = 1 << capability
    sets = (_CapabilitySet * 2)(_CapabilitySet(mask, mask, mask))
    if libc.capset(ctypes.byref(header), sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def _prctl(*arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:5]]
    if libc.prctl(*padded) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def main(arguments: list[str]) -> None:
    """Does what the module says; returns only by leaving the process."""
    parent, death_signal, user, separator, *command = arguments
    if separator != "--" or not command:
        raise SystemExit("usage: launch.py PARENT DEATH_SIGNAL USER -- PROGRAM ARGUMENT...")
    try:
        if user != "-":
            uid, gid, *passage = user.split(":")
            become(int(uid), int(gid), passage=bool(passage))
        die_with(int(parent), int(death_signal))
        os.execv(command[0], command)
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        raise SystemExit(EXIT_CANNOT_START) from error


if __name__ == "__main__":
    main(sys.argv[1:])
