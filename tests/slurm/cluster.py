"""A Slurm cluster of one node on this machine, for a test: own munge, slurmctld and slurmd, all below one folder, on the
loopback interface, without accounting and without cgroups. Needs Debian's slurm-wlm and munge, and no root."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

CPUS = 4  # that the node says it has

CONFIGURATION = """\
ClusterName=palimpsest
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
KillWait=2
JobRequeue=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=1000 State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=10 State=UP
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"after {seconds} s: {what}")


class Cluster:
    """`with Cluster(folder) as cluster:` ends all that it started. `environment` is for the programs that use it."""

    def __init__(self, folder):
        self.folder, self.processes = Path(folder), []
        self.environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"),
                            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # What still runs as a job would outlive slurmd.
        self.command("scancel", "--full", "--signal=KILL", "--state=RUNNING", "--partition=test")
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def command(self, *words):
        return subprocess.run(words, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False).stdout

    def jobs(self, *states):
        """Numbers of the jobs in these states, as squeue names them, by job name."""
        lines = self.command("squeue", "--noheader", f"--states={','.join(states)}", "--format=%j %i").splitlines()
        return dict(line.split() for line in lines)

    def submitted(self):
        """How many jobs there ever were."""
        for word in self.command("scontrol", "--oneliner", "show", "config").split("\n"):
            if word.startswith("NEXT_JOB_ID"):
                return int(word.split("=")[1]) - 1
        raise AssertionError("scontrol names no next job")

    def logs(self):
        return "\n".join(f"--- {file}\n" + "\n".join(file.read_text(errors="replace").splitlines()[-20:])
                         for file in sorted(self.folder.glob("*.log")))

    def _start(self):
        for name in ("munge", "state", "spool"):
            (self.folder / name).mkdir(mode=0o755)
        controller_port, node_port = free_ports(2)
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(
            host=socket.gethostname().split(".")[0], user=pwd.getpwuid(os.getuid()).pw_name, folder=self.folder,
            controller_port=controller_port, node_port=node_port, cpus=CPUS), encoding="utf-8")
        self._start_munge()
        self._run("slurmctld", "-D")
        self._run("slurmd", "-D")
        wait_for(lambda: "idle" in self.command("sinfo", "--noheader", "--format=%T"), 30, "the node is not idle")

    def _start_munge(self):
        folder = self.folder / "munge"
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        self._run("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/socket",
                  f"--pid-file={folder}/pid", f"--seed-file={folder}/seed", f"--log-file={folder}/log", "--num-threads=2")
        wait_for(lambda: (folder / "socket").exists(), 10, "munged has made no socket")

    def _run(self, program, *options):
        path = shutil.which(program, path=self.environment["PATH"])
        if path is None:
            raise SystemExit(f"{program} is missing (Debian: slurm-wlm, munge)")
        with open(self.folder / f"{program}.out.log", "w", encoding="utf-8") as output:
            # Dies with this process, however that ends.
            self.processes.append(subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", path, *options],
                                                   env=self.environment, stdin=subprocess.DEVNULL, stdout=output,
                                                   stderr=subprocess.STDOUT))


if __name__ == "__main__":
    sys.exit("tests/slurm/run-sweep-on-slurm uses this")
