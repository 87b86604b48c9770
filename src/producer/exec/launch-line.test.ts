import { describe, expect, it } from 'vitest'
import { launchLine } from './launch-line.ts'

const launch = {
  ...{ file: '/bin/echo', arguments: ['a b', '$HOME'], fileMB: 2, openFiles: 64, user: null },
  demand: { cores: 2, memoryMB: 3, timeoutSeconds: 10, outputBytes: 1 },
  allotment: { cores: [1, 3], memoryMB: 3 },
}

describe('the words that start a command', () => {
  it('hold it to its limits, each tool becoming the next, and leave its own words alone', () => {
    const tools = { prlimit: '/usr/bin/prlimit', taskset: '/usr/bin/taskset', setpriv: '/usr/bin/setpriv' }
    expect(launchLine(launch, tools, '/cg/x/cgroup.procs')).toEqual([
      ...['/bin/sh', '-c', 'echo 0 > "$0" && exec "$@"', '/cg/x/cgroup.procs'],
      ...['/usr/bin/prlimit', '--core=0:0', '--cpu=20:25', '--data=3145728', '--fsize=2097152', '--nofile=64'],
      ...['/usr/bin/taskset', '-c', '1,3', '/usr/bin/setpriv', '--pdeathsig', 'KILL', '--no-new-privs'],
      ...['/bin/echo', 'a b', '$HOME'],
    ])
  })

  it('make it another user’s', () => {
    const tools = { prlimit: null, taskset: null, setpriv: '/usr/bin/setpriv' }
    expect(launchLine({ ...launch, user: { uid: 7, gid: 8 } }, tools, null)).toEqual([
      ...['/usr/bin/setpriv', '--reuid=7', '--regid=8', '--clear-groups', '--pdeathsig', 'KILL', '--no-new-privs'],
      ...['/bin/echo', 'a b', '$HOME'],
    ])
  })

  it('are the command’s own where no tool is installed', () => {
    expect(launchLine(launch, { prlimit: null, taskset: null, setpriv: null }, null)).toEqual(['/bin/echo', 'a b', '$HOME'])
  })
})
