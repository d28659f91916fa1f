"""interrupt.py COMMAND...: runs what goes on for ever, and sends SIGINT when it is there for it and has printed something, or
nothing for a second.  Ends as it ends, so a command that does not take the interrupt well fails."""

import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path


def takes_interrupts(pid: int) -> bool:
    """Whether it catches SIGINT, or waits for it."""
    masks = re.findall(r"^Sig(?:Cgt|Blk):\s+(\w+)", Path(f"/proc/{pid}/status").read_text(), flags=re.M)
    return any(int(mask, 16) & 1 << (signal.SIGINT - 1) for mask in masks)


p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
assert p.stdout
end = time.monotonic() + 30
while not takes_interrupts(p.pid) and p.poll() is None and time.monotonic() < end:
    time.sleep(0.01)
select.select([p.stdout], [], [], 1)
if p.poll() is None:
    p.send_signal(signal.SIGINT)
sys.stdout.buffer.write(p.stdout.read())
sys.exit(p.wait(30))
