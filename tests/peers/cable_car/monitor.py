"""A machine monitor that trades figures with all others on the network.

    monitor.py [--udp-port 8226] [--tcp-port 8227] [--interval 3.0] [--host NAME]
               [--allow-loopback] [--forget] [--exit-after N] [--timeout 60]

Sends a JSON `MsgStats` to every connection each --interval seconds, which is the broadcast
interval too, and prints the attributes of each one received as a line of JSON. Ends with
status 0 after --exit-after of them, on SIGTERM or when a piped stdin closes; 1 when
discovery fails; 2 after --timeout.
"""
import argparse
import glob
import os
import socket
import time

from broadcast import Peers, add_network_arguments, connector
from messages import MsgStats, tagged
from runtime import PAUSE, messages, print_line, set_deadline, stop_requested


def main():
    args = arguments()
    set_deadline(args.timeout)
    stop = stop_requested()
    stats = Stats(args.host)
    peers = Peers("json", connector(args))
    received = 0
    next_send = time.monotonic() + args.interval
    while not stop() and (not args.exit_after or received < args.exit_after):
        peers.take_new()
        if time.monotonic() >= next_send:
            peers.send(stats.message())
            next_send += args.interval
        for messenger in peers.messengers:
            for message in messages(messenger):
                if isinstance(message, MsgStats):
                    received += 1
                    print_line(tagged(vars(message)))
        peers.take_lost(args.forget)
        if not peers.messengers:
            time.sleep(PAUSE)
    peers.close()
    os._exit(0)


class Stats:
    """The figures of this machine, from /proc and /sys."""

    def __init__(self, host):
        self.host = host
        self.busy, self.total = cpu_ticks()

    def message(self):
        memory = meminfo()
        total, swap = memory["MemTotal"], memory["SwapTotal"]
        message = MsgStats(
            host=self.host,
            cpu_percent=self.cpu_percent(),
            load_avg=os.getloadavg(),
            memory_percent=percent(total - memory["MemAvailable"], total),
            memory_total=total,
            swap_percent=percent(swap - memory["SwapFree"], swap),
            swap_total=swap,
        )
        if (temperature := celsius()) is not None:
            message.temp = temperature
        return message

    def cpu_percent(self):
        """How busy the processors were since the last call."""
        busy, total = cpu_ticks()
        share = percent(busy - self.busy, total - self.total)
        self.busy, self.total = busy, total
        return share


def cpu_ticks():
    """Ticks in use and all ticks since the machine started."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(field) for field in file.readline().split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)


def meminfo():
    """The entries of /proc/meminfo in bytes."""
    with open("/proc/meminfo", encoding="ascii") as file:
        rows = [line.replace(":", "").split() for line in file]
    return {row[0]: int(row[1]) * 1024 for row in rows}


def celsius():
    """The first thermal zone that can be read, None where there is none."""
    for path in sorted(glob.glob("/sys/class/thermal/thermal_zone*/temp")):
        try:
            with open(path, encoding="ascii") as file:
                return int(file.read()) / 1000
        except (OSError, ValueError):
            pass  # a zone without a sensor
    return None


def percent(part, whole):
    return round(100 * part / whole, 1) if whole else 0.0


def arguments():
    usage = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=usage)
    add_network_arguments(parser, 8226, 8227, 3.0)
    parser.add_argument("--host", default=socket.gethostname())
    return parser.parse_args()


if __name__ == "__main__":
    main()
