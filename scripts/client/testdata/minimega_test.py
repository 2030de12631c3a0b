"""Tests of minimega.py against the node whose base directory is $BASE, and against servers that misbehave."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import minimega

BASE = os.environ["BASE"]
MODULE = minimega.__file__


def served(name, data):
    with open(os.path.join(BASE, "files", name), "wb") as f:
        f.write(data)


class Node(unittest.TestCase):
    def setUp(self):
        self.mm = minimega.connect(BASE)
        self.addCleanup(self.mm.close)

    def refused(self, command):
        with self.assertRaises(minimega.Error) as caught:
            self.mm.run(command)
        return caught.exception

    def test_rows_of_tables_and_texts(self):
        [row] = self.mm.run("mesh status")
        self.assertEqual((row["host"], row["size"], row["context"]), ("kn1", "1", os.path.basename(os.path.dirname(BASE))))
        self.assertEqual(self.mm.run("echo hi"), [{"host": "kn1", "response": "hi"}])
        for nothing in "", " ", "# remark", "file list nothing", "vm config memory 4096":
            self.assertEqual(self.mm.run(nothing), [])

    def test_words_are_quoted(self):
        for word in "plain", "two words", 'a "b"', "it's", "#1", "back\\slash", "tab\there\nand\rthere", "", "日本語 é", "\u00a0":
            self.assertEqual(self.mm.run(["echo", word, "."]), [{"host": "kn1", "response": word + " ."}])

    def test_refusals_are_raised_with_what_others_answered(self):
        error = self.refused("file get nothing")
        self.assertEqual((error.host, error.text, error.rows), ("kn1", "get nothing: file not found", []))
        self.assertEqual(str(error), "Error (kn1): get nothing: file not found")
        with tempfile.NamedTemporaryFile("w") as script:
            script.write("echo one\nfile get nothing\necho two\n")
            script.flush()
            error = self.refused(["read", script.name])
        self.assertEqual([row["response"] for row in error.rows], ["one", "two"])
        self.assertEqual(len(error.errors), 1)
        self.assertEqual(self.mm.run("echo on")[0]["response"], "on")

    def test_what_is_too_long_is_refused_and_the_next_command_connects_again(self):
        self.assertIn("at most", self.refused("echo " + "x" * (10 << 20)).text)
        self.assertRaises(minimega.Ended, self.mm.run, "echo")
        self.assertEqual(self.mm.run("echo on")[0]["response"], "on")

    def test_stream_is_the_file(self):
        data = os.urandom(1 << 20) * 25
        served("big", data)
        parts = list(self.mm.stream("big"))
        self.assertEqual([len(p) for p in parts], [10 << 20, 10 << 20, 5 << 20])
        self.assertEqual(hashlib.sha256(b"".join(parts)).digest(), hashlib.sha256(data).digest())
        for _ in self.mm.stream("big"):
            break
        self.assertEqual(self.mm.run("echo on")[0]["response"], "on")
        with self.assertRaises(minimega.Error):
            next(self.mm.stream("nothing"))

    def test_suggest(self):
        self.assertEqual(self.mm.suggest("mesh sta"), ["mesh status "])
        self.assertEqual(self.mm.suggest("nothing begins so"), [])
        self.assertGreater(len(self.mm.suggest("")), 10)

    def test_settings_are_a_connections_own(self):
        with minimega.connect(BASE) as other:
            self.mm.run(".csv true")
            texts = [next(mm.replies("mesh status"))["Rendered"] for mm in (self.mm, other)]
        self.assertIn("size,degree", texts[0])
        self.assertNotIn("size,degree", texts[1])

    def test_many_threads(self):
        failed = []

        def chat(k):
            with minimega.connect(BASE) as mm:
                for i in range(10):
                    if mm.run("echo %d %d" % (k, i)) != [{"host": "kn1", "response": "%d %d" % (k, i)}]:
                        failed.append(k)

        threads = [threading.Thread(target=chat, args=(k,)) for k in range(50)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(failed, [])


class Commands(unittest.TestCase):
    def command(self, *args):
        p = subprocess.run([sys.executable, MODULE, "-base", BASE, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return p.returncode, p.stdout.decode(), p.stderr.decode()

    def test_prints_what_the_program_prints(self):
        self.assertEqual(self.command("echo", "a  b"), (0, "kn1: a  b\n", ""))
        self.assertEqual(self.command("echo  a   b"), (0, "kn1: a b\n", ""))
        self.assertEqual(self.command("-json", "echo", "hi"), (0, '{"host": "kn1", "response": "hi"}\n', ""))
        self.assertEqual(self.command("file", "get", "no"), (1, "", "Error (kn1): get no: file not found\n"))
        self.assertEqual(self.command()[0], 2)
        with tempfile.TemporaryDirectory() as empty:
            status, out, err = self.command("-base", empty, "version")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("is not running at", err)
        self.assertNotIn("Traceback", err)

    def test_interrupt_ends_the_command_on_the_node(self):
        with tempfile.TemporaryDirectory() as dir:
            started = os.path.join(dir, "started")
            line = 'shell sh -c "echo > %s; exec sleep 60"' % started
            p = subprocess.Popen([sys.executable, MODULE, "-base", BASE, line], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            await_that(lambda: os.path.exists(started))
            self.assertNotEqual(children(), [])
            p.send_signal(signal.SIGINT)
            self.assertEqual((p.communicate(timeout=20), p.returncode), ((b"", b""), 130))
        await_that(lambda: children() == [])


def children():
    """The processes that the node runs."""
    with open(os.path.join(BASE, "minimega.pid")) as f:
        pid = f.read().strip()
    found = []
    for task in os.listdir("/proc/%s/task" % pid):
        with open("/proc/%s/task/%s/children" % (pid, task)) as f:
            found += f.read().split()
    return found


class Bad(unittest.TestCase):
    """A server that answers what the test says."""

    def answer(self, data):
        dir = tempfile.TemporaryDirectory()
        self.addCleanup(dir.cleanup)
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(os.path.join(dir.name, "minimega"))
        listener.listen(1)

        def serve():
            conn, _ = listener.accept()
            with conn:
                conn.recv(1 << 16)
                conn.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        return dir.name

    def test_progress_is_told_and_is_no_answer(self):
        told = []
        lines = [
            {"Resp": None, "Rendered": "[kn1]: foo: 1 of 2", "More": False, "Status": True},
            {"Resp": [{"Host": "kn1", "Response": "done", "Header": None, "Tabular": None, "Error": "", "Data": None}],
             "Rendered": "done", "More": False, "Status": False},
        ]
        base = self.answer(b"".join(json.dumps(l).encode() + b"\n" for l in lines))
        with minimega.connect(base, told.append) as mm:
            self.assertEqual(mm.run("vm config disk file:foo"), [{"host": "kn1", "response": "done"}])
        self.assertEqual(told, ["[kn1]: foo: 1 of 2"])

    def test_half_a_reply_is_an_end(self):
        with minimega.connect(self.answer(b'{"Resp":nul')) as mm:
            self.assertRaises(minimega.Ended, mm.run, "echo")

    def test_quit_is_not_answered(self):
        with minimega.connect(self.answer(b"")) as mm:
            self.assertEqual(mm.run("quit"), [])

    def test_nobody_listens(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertRaises(minimega.NotRunning, minimega.connect, empty)


def await_that(so, within=20):
    deadline = time.monotonic() + within
    while not so():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to be")
        time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
