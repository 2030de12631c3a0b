#!/usr/bin/env python3
"""Drive a running minimega through its unix socket. For Python 3.8 or newer, by itself.

    import minimega

    with minimega.connect() as mm:
        for row in mm.run("file list"):
            print(row["name"], row["size"])

connect() takes the node's base directory, "/tmp/minimega" where none is named.

WHAT IS ANSWERED
    run(line) returns rows, one dict each. A table's rows have its columns and
    "host", the node that answered; a text is one row, {"host": …, "response": …};
    what has nothing to say is no row. A list of words is a line too, and is
    quoted: run(["file", "get", "my disk.img"]). quote() does that by itself.

    replies(line) yields what the socket sends, as it comes, each a dict with
    "Resp" (of each node Host, Response, Header, Tabular, Error and Data) and
    "Rendered", the text that people see. stream(name) yields a file's bytes in
    parts of 10 MiB, and suggest(line) returns the lines that line may become.

ERRORS
    Error      a node refused. host and text say who and why, errors holds one
               such pair for each node that did, rows what the others answered.
    NotRunning no node listens in that directory. It is an Error, as the next.
    Ended      the node ended before it answered; `quit` is not answered, and
               returns no row.
    What the system refuses (permissions) is an OSError.

PROGRESS
    connect(progress=print) has the function called with a line whenever the
    node tells how far the files are that a command waits for, every 3 s unless
    run("status updates 1s") says otherwise, and with the node's warnings.

THE END OF A COMMAND
    Ctrl-C, or any other exception, in a command closes the connection, and the
    node ends the command. So does a loop over replies() or stream() that is left
    early, or the end of this program. The next command connects again, with the
    settings (`.csv true`, `namespace web`) that a new connection has. A file that
    was waited for goes on being fetched: see `file status`.

SEVERAL AT ONCE
    A connection does one command at a time and is for one thread. Connections
    do not wait for each other: make one for each thread.

FROM A SHELL
    minimega.py [-base DIR] [-json] COMMAND...

    prints the answer as `minimega -e` does, or each row as a line of JSON.
    Progress and errors go to stderr. The exit status is 1 where a node refused,
    2 where it could not be asked.

        minimega.py -json file status | jq -r .filename
"""

import argparse
import base64
import json
import os
import socket
import sys

__all__ = ["Connection", "Ended", "Error", "NotRunning", "connect", "quote"]

BASE = "/tmp/minimega"

_ESCAPES = {"\r": "\\r", "\n": "\\n", "\t": "\\t", "\\": "\\\\", '"': '\\"'}


class Error(Exception):
    """A node refused, or could not be asked."""

    def __init__(self, errors, rows=()):
        self.errors = list(errors)  # (host, text) of each node that refused
        self.host, self.text = self.errors[0]
        self.rows = list(rows)  # what the other nodes answered
        super().__init__("\n".join(_error_line(*e) for e in self.errors))


class NotRunning(Error):
    """No node listens at the socket."""


class Ended(Error):
    """The node ended before it answered."""


def _error_line(host, text):
    return "Error (%s): %s" % (host, text) if host else text


def connect(base=BASE, progress=None):
    """Return a Connection to the node with that base directory."""
    return Connection(base, progress).open()


def quote(word):
    """Return word so that a command takes it as one. $NAME in it is replaced all the same."""
    text = "".join(_ESCAPES.get(c, c) for c in word)
    bare = word and not any(c.isspace() or c in "'#\"" for c in word)
    return text if bare else '"%s"' % text


def _line(command):
    """Return the line that a command means: one as it is, or words."""
    return command if isinstance(command, str) else " ".join(quote(w) for w in command)


def _rows(reply):
    """Yield the rows of a reply."""
    for one in reply["Resp"] or []:
        for cells in one["Tabular"] or []:
            row = {"host": one["Host"]}
            row.update(zip(one["Header"], cells))
            yield row
        if one["Response"]:
            yield {"host": one["Host"], "response": one["Response"]}


def _errors(reply):
    return [(one["Host"], one["Error"]) for one in reply["Resp"] or [] if one["Error"]]


class Connection:
    """A conversation with a node. Use it in a with statement, or close it."""

    def __init__(self, base=BASE, progress=None):
        self.path = os.path.join(base, "minimega")
        self.progress = progress
        self._socket = self._lines = None

    def open(self):
        """Connect, unless it is connected, and return the connection."""
        if self._socket is not None:
            return self
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(self.path)
        except (FileNotFoundError, ConnectionRefusedError):
            s.close()
            hint = "minimega is not running at %s: start it, or name its base directory" % self.path
            raise NotRunning([("", hint)]) from None
        except BaseException:
            s.close()
            raise
        self._socket, self._lines = s, s.makefile("rb")
        return self

    def close(self):
        """End the conversation, and what runs for it."""
        if self._socket is not None:
            self._lines.close()
            self._socket.close()
        self._socket = self._lines = None

    def __enter__(self):
        return self.open()

    def __exit__(self, *_):
        self.close()

    def run(self, command):
        """Run a line, or words, and return the rows of all that is answered."""
        rows, errors = [], []
        for reply in self.replies(command):
            rows.extend(_rows(reply))
            errors.extend(_errors(reply))
        if errors:
            raise Error(errors, rows)
        return rows

    def replies(self, command):
        """Run a line, or words, and yield each reply as it comes; refusals raise nothing."""
        line = _line(command)
        try:
            yield from self._ask(Command=line or " ")
        except Ended:
            if not _is_quit(line):
                raise

    def stream(self, name):
        """Yield the bytes of a file of the mesh, in parts."""
        for reply in self.replies(["file", "stream", name]):
            errors = _errors(reply)
            if errors:
                raise Error(errors)
            for one in reply["Resp"] or []:
                yield base64.b64decode(one["Data"] or "")

    def suggest(self, line):
        """Return the lines that line may become."""
        found = []
        for reply in self._ask(Suggest=line or " "):
            if _errors(reply):
                raise Error(_errors(reply))
            found.extend(reply.get("Suggest") or [])
        return found

    def _ask(self, **request):
        """Send a request and yield its replies; what is left half read is closed."""
        self.open()
        whole = False
        try:
            self._send(dict(request, Status=True))
            while not whole:
                reply = self._receive()
                if reply["Status"]:
                    if self.progress:
                        self.progress(reply["Rendered"])
                    continue
                whole = not reply["More"]
                yield reply
        finally:
            if not whole:
                self.close()

    def _send(self, request):
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            pass  # a node that did not want to hear it may have said why

    def _receive(self):
        try:
            line = self._lines.readline()
        except ConnectionResetError:
            line = b""
        if not line.endswith(b"\n"):
            raise Ended([("", "the node has ended")])
        return json.loads(line)


def _is_quit(line):
    words = line.split()
    return bool(words) and "quit".startswith(words[0])


def _main():
    p = argparse.ArgumentParser(prog="minimega.py", description="Run a command on a running minimega.")
    p.add_argument("-base", default=BASE, help="base directory of the node (%(default)s)")
    p.add_argument("-json", action="store_true", help="print each row as a line of JSON")
    p.add_argument("command", nargs=argparse.REMAINDER, help="a line, or its words")
    args = p.parse_args()
    if not args.command:
        p.error("a command must follow, as in: minimega.py file list")
    line = args.command[0] if len(args.command) == 1 else args.command
    failed = False
    with connect(args.base, lambda text: print(text, file=sys.stderr)) as mm:
        for reply in mm.replies(line):
            _show(reply, args.json)
            for error in _errors(reply):
                failed = True
                print(_error_line(*error), file=sys.stderr)
    return 1 if failed else 0


def _show(reply, as_json):
    if as_json:
        for row in _rows(reply):
            print(json.dumps(row))
    elif reply["Rendered"]:
        print(reply["Rendered"].rstrip("\n"))
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(_main())
    except (Error, OSError) as e:
        print("minimega.py: %s" % e, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
