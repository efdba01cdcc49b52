# SPDX-License-Identifier: 0BSD
# python-zeroconf finds a station's announcement, resolves it, hears its
# goodbye; and a station's browser finds what python-zeroconf announces.
import os
import socket
import subprocess
import sys
import threading
import time

from zeroconf import ServiceBrowser, ServiceInfo, Zeroconf

SERVICE = "_mahatta._tcp.local."
WAIT_S = 8
results = []


def check(name, good):
    results.append(good)
    print("%s: %s" % ("ok" if good else "not ok", name), flush=True)


class Listener:
    def __init__(self):
        self.added, self.removed = {}, set()
        self.changed = threading.Condition()

    def add_service(self, zc, kind, name):
        info = zc.get_service_info(kind, name)
        with self.changed:
            self.added[name] = info
            self.changed.notify_all()

    def remove_service(self, zc, kind, name):
        with self.changed:
            self.removed.add(name)
            self.changed.notify_all()

    def update_service(self, *_):
        pass

    def wait(self, is_so):
        with self.changed:
            return self.changed.wait_for(is_so, WAIT_S)


def lua(*words):
    return subprocess.Popen(
        [os.environ.get("LUA", "lua5.4"), "tests/interop/lan_station.lua",
         *words], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def find_ours(zc):
    listener = Listener()
    ServiceBrowser(zc, SERVICE, listener)
    station = lua("announce", "9777")
    name = station.stdout.readline().strip() + "." + SERVICE
    check("the announcement is found",
          listener.wait(lambda: name in listener.added))
    info = listener.added.get(name)
    check("it resolves to a port", info is not None and info.port == 9777)
    check("and to addresses of its own name",
          info is not None and info.server == name.split(".")[0] + ".local."
          and len(info.parsed_addresses()) > 0)
    check("it says nothing else", info is not None and not info.properties)
    station.stdin.close()
    check("the goodbye is heard",
          listener.wait(lambda: name in listener.removed))
    station.wait()


def find_theirs(zc, address):
    info = ServiceInfo(SERVICE, "theirs." + SERVICE, port=9778,
                       server="theirs-host.local.",
                       addresses=[socket.inet_aton(address)])
    zc.register_service(info)
    station = lua("browse")
    seen, end = "", time.time() + WAIT_S
    while time.time() < end and "theirs" not in seen:
        seen = station.stdout.readline()
    check("a browser finds theirs", seen == "theirs %s:9778\n" % address)
    station.stdin.close()
    station.wait()
    zc.unregister_service(info)


def own_address():
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect(("224.0.0.251", 5353))  # nothing is sent
        return probe.getsockname()[0]
    except OSError:
        return None
    finally:
        probe.close()


def main():
    address = own_address()
    if address is None or address.startswith("127."):
        print("Skipped: there is no network with multicast.")
        print("0 passed, 0 failed, 6 skipped")
        return 0
    zc = Zeroconf(interfaces=[address])
    try:
        find_ours(zc)
        find_theirs(zc, address)
    finally:
        zc.close()
    passed = sum(results)
    print("%d passed, %d failed, 0 skipped" % (passed, len(results) - passed))
    return 0 if passed == len(results) else 1


sys.exit(main())
