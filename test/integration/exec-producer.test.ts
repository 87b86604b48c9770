/** `datajob producer exec` as a process: what it runs, what it refuses, what it ends, and what is left when it is killed. */
import { chmodSync, existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBucket } from '../harness/bucket-log.ts'
import { controlGroup } from '../harness/control-group.ts'
import { type ExecProducerProcess, type ExecResponse, processesWith } from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation } from '../harness/installation.ts'
import { until } from '../harness/until.ts'

const sh = { path: '/bin/sh', shell: true }
const programs = { sh, echo: { path: '/bin/echo' }, greet: { path: '/bin/echo', arguments: ['hello'] } }
const short = { killGraceSeconds: 1, stopSeconds: 0 }

let installation: Installation
let producer: ExecProducerProcess
let bucket: string
let words = 0

beforeAll(async () => {
  installation = await Installation.open('exec', givenStack())
  bucket = await installation.bucket('outputs')
  producer = await installation.execProducer('main', { ...short, programs, bucket, limits: { outputBytes: { default: 1_000 } } })
})

afterAll(async () => {
  await installation.close()
})

function script(text: string, more: object = {}): object {
  return { command: ['sh', text], ...more }
}

/** An argument that no other process has: a time to sleep, in seconds, far beyond any test. */
function longTime(): string {
  words += 1
  return `90000.${process.pid}${words}`
}

/** A daemon in a session of its own, whose first parent is gone; its word tells it. */
function daemon(time: string): string {
  return `(setsid sh -c 'trap "" TERM; sleep ${time} & wait' >/dev/null 2>&1 &) ; `
}

async function running(time: string): Promise<readonly number[]> {
  return until(`sleep ${time} runs`, () => {
    const found = processesWith(time)
    return found.length > 0 ? found : null
  })
}

describe('a command', () => {
  it('runs in a folder of its own, with what it is given and nothing of ours, and its result says how it went', async () => {
    const files = { 'a/in.json': { n: 1 }, 'b.txt': 'text' }
    const value = script('cat - a/in.json b.txt; env >&2; pwd', { stdin: 'from stdin ', files, environment: { GRANULE: 'g 1' } })
    const { statusCode, result } = await producer.response(await producer.accepted('plain', value))
    expect({ statusCode, reason: result.reason, exitCode: result.exitCode }).toEqual({ statusCode: 0, reason: 'exited', exitCode: 0 })
    expect(result.stdout.text).toMatch(/^from stdin \{"n":1\}text\/.*\/work\n$/)
    const variables = result.stderr.text.trim().split('\n').map((line) => line.split('=')[0])
    expect(variables.filter((name) => name !== 'PWD' && name !== '_' && name !== 'SHLVL' && name !== 'OLDPWD').sort()).toEqual([
      ...['DATAJOB_ATTEMPT', 'DATAJOB_EXEC_ATTEMPT', 'DATAJOB_JOB_ID', 'DATAJOB_OPERATION_ID', 'DATAJOB_PROGRESS'],
      ...['GRANULE', 'HOME', 'LANG', 'PATH', 'TMPDIR'],
    ])
  })

  it('that fails fails its operation alone, and the next one runs after it', async () => {
    const id = await producer.accepted('two', script('echo "first" >&2; exit 7'), { command: ['greet', 'you'] })
    const [first, second] = await producer.responses(id)
    expect(first).toMatchObject({ operationId: 1, statusCode: 104, statusMessage: 'exited with 7', result: { exitCode: 7 } })
    expect(first?.result.stderr.text).toBe('first\n')
    expect(second).toMatchObject({ operationId: 2, statusCode: 0, result: { stdout: { text: 'hello you\n' } } })
    expect(Date.parse(second?.result.startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(first?.result.endedAt ?? ''))
    expect(await producer.over(id)).toBe('PARTIALLY_FAILED')
  })

  it('says how far it is while it runs', async () => {
    const text = 'echo "40 tile 4 of 10" >> "$DATAJOB_PROGRESS"; until [ -e go ]; do sleep 0.02; done'
    const id = await producer.accepted('progress', script(text))
    const told = await until('it says so', async () => {
      const status = await producer.status(id)
      return status.message === '' ? null : status
    })
    expect(told).toEqual({ status: 'RUNNING', progress: 40, message: 'tile 4 of 10' })
    await producer.cancel(id)
    expect(await producer.over(id)).toBe('CANCELLED')
  })

  it('is handed over by the older version of the contract as well', async () => {
    const data = [{ operationId: 'x', op: 'add', path: '/exec=1', value: { command: ['echo', 'older'] } }]
    const { body } = await producer.request('POST', '/dmi/v1/cmwriteJob?destination=', { dataProducerId: 'p', dataJobId: 'j', data })
    expect(body).toMatchObject({ dmiServiceName: 'exec', dataProducerId: 'p' })
    const job = `/dmi/v1/cmwriteJob/dataProducer/p/dataProducerJob/${(body as { subJobId: string }).subJobId}`
    await until('it is over', async () => {
      const status = await producer.request('GET', `${job}/status`)
      return (status.body as { status: string }).status === 'FINISHED'
    })
    const result = await producer.request('GET', `${job}/result?destination=`)
    const response = { operationId: 'x', statusCode: 0, result: { stdout: { text: 'older\n' } } }
    expect(result.body).toMatchObject({ data: { responses: [response] } })
  })

  it('puts all that it wrote, and the outputs that it declares, into the bucket', async () => {
    const text = 'seq 2000; mkdir -p item; echo "{}" > catalog.json; echo tif > item/a.tif; echo "{\\"n\\": 1}" > outputs.json'
    const wanted = { outputs: ['catalog.json', 'item/*'], resultFile: 'outputs.json', prefix: 'wf-{jobId}/' }
    const { result } = await producer.response(await producer.accepted('outputs', script(text, wanted)))
    const { stdout } = result
    expect(result).toMatchObject({ outputs: { n: 1 }, problem: null, stderr: { uri: null } })
    expect(result.files.map(({ uri, mediaType }) => [uri, mediaType])).toEqual([
      [`s3://${bucket}/wf-job%201/catalog.json`, 'application/json'],
      [`s3://${bucket}/wf-job%201/item/a.tif`, 'image/tiff'],
    ])
    expect({ bytes: stdout.bytes, truncated: stdout.truncated }).toEqual({ bytes: 8_893, truncated: true })
    expect(stdout.text).toMatch(/^1\n2\n[^]*bytes are left out[^]*\n1999\n2000\n$/)
    const objects = await readBucket(installation.s3, bucket, '')
    const stored = new Map(objects.map(({ key, value }) => [`s3://${bucket}/${key}`, value]))
    expect(stored.get(`s3://${bucket}/wf-job%201/item/a.tif`)).toBe('tif\n')
    expect(stored.get(stdout.uri ?? '')).toBe(Array.from({ length: 2_000 }, (_, n) => `${n + 1}\n`).join(''))
  })

  it('whose declared output is not there has failed, though it exited with 0', async () => {
    const missing = await producer.response(await producer.accepted('no-output', script('true', { outputs: ['*.tif'] })))
    expect(missing).toMatchObject({ statusCode: 108, statusMessage: 'outputs: no file matches "*.tif"' })
    const broken = await producer.response(await producer.accepted('no-json', script('echo x > r', { resultFile: 'r' })))
    expect(broken.statusMessage).toMatch('resultFile: r is not JSON')
  })
})

describe('what may not run', () => {
  it('is refused when it is submitted, with the reason, and nothing of its job runs', async () => {
    const both = [{ operationId: 1, value: script('exit 1') }, { operationId: 2, value: { command: ['rm', '-r', '/'] } }]
    const unlisted = await producer.submit('refused', both)
    const message = 'data[1].value: program "rm" is not on the list of what may run (sh, echo, greet)'
    expect(unlisted).toMatchObject({ status: 422, body: { message } })
    const huge = await producer.submit('huge', [{ operationId: 1, value: script('true', { memoryMB: 2 ** 30 }) }])
    expect(huge.status).toBe(422)
    expect((await producer.submit('odd', [{ operationId: 1, value: { comand: 'x' } }])).status).toBe(400)
    expect((await producer.request('POST', '/v1/check', { command: ['rm'] })).body).toMatchObject({ ok: false })
    expect((await producer.request('POST', '/v1/check', { command: ['echo'] })).body).toMatchObject({ ok: true, demand: { cores: 1 } })
  })

  it('keeps a producer from starting when the configuration is wrong, and all of it is said', async () => {
    const wrong = installation.spawnExecProducer('wrong', { programs: {}, jobsMax: 0, host: '0.0.0.0', shells: true })
    expect((await wrong.exited).code).toBe(2)
    expect(wrong.log().join('\n')).toMatch(/shells: there is no such field[^]*jobsMax: must be >= 1/)
    const open = installation.spawnExecProducer('open', { programs: {}, host: '0.0.0.0' })
    expect((await open.exited).code).toBe(2)
    expect(open.log().join('\n')).toMatch(/host: is "0.0.0.0", which others can reach[^]*programs: is empty/)
    const absent = installation.spawnExecProducer('absent', { programs: { x: { path: '/no/such/program' } } })
    expect((await absent.exited).code).toBe(2)
    expect(absent.log().join('\n')).toMatch('programs.x.path: "/no/such/program" is not there')
    const second = installation.spawnExecProducer('main', { programs })
    expect((await second.exited).code).toBe(2)
    expect(second.log().join('\n')).toMatch('in use by another process')
  })
})

describe('a limit', () => {
  it('of memory holds each process, and all of a command together', async () => {
    // tail keeps a line that has no end.
    const one = await producer.response(await producer.accepted('memory', script('head -c 200m /dev/zero | tail', { memoryMB: 64 })))
    expect(one).toMatchObject({ statusCode: 104, result: { reason: 'exited', exitCode: 1 } })
    const time = longTime()
    const many = `for n in 1 2 3 4; do (head -c 40m /dev/zero; sleep ${time}) | tail & done; wait`
    const together = await producer.response(await producer.accepted('memory-4', script(many, { memoryMB: 100 })))
    expect(together.statusMessage).toBe('out of memory: its processes together had more than memoryMB, 100')
    expect(together.result.peakMemoryMB).toBeGreaterThan(100)
    expect(processesWith(time)).toEqual([])
  })

  it('of time ends it and all that it has started, a daemon that hears no SIGTERM too', async () => {
    const time = longTime()
    const id = await producer.accepted('time', script(`${daemon(time)} sleep ${time}`, { timeoutSeconds: 1 }))
    const { statusMessage, result } = await producer.response(id)
    expect(statusMessage).toBe('timed out: it ran longer than timeoutSeconds, 1')
    expect(result).toMatchObject({ reason: 'timed out', exitCode: null, signal: 'SIGTERM' })
    expect(processesWith(time)).toEqual([])
  })

  it('of cores binds it to as many processors', async () => {
    const { result } = await producer.response(await producer.accepted('cores', script('nproc')))
    expect(result.stdout.text).toBe('1\n')
  })
})

describe('what a command leaves behind', () => {
  it('ends with it', async () => {
    const time = longTime()
    const { statusCode } = await producer.response(await producer.accepted('left', script(`${daemon(time)} exit 0`)))
    expect(statusCode).toBe(0)
    expect(processesWith(time)).toEqual([])
  })

  it('ends when it is cancelled, wherever it went', async () => {
    const time = longTime()
    const id = await producer.accepted('cancel', script(`${daemon(time)} sleep ${time}`), script('echo never'))
    await running(time)
    await producer.cancel(id)
    expect(await producer.over(id)).toBe('CANCELLED')
    expect(processesWith(time)).toEqual([])
    // What was not begun is not spoken of.
    expect(await producer.responses(id)).toMatchObject([{ operationId: 1, statusCode: 104, result: { reason: 'cancelled' } }])
  })
})

const group = controlGroup()

describe.runIf(group !== null)('in a control group', () => {
  // Neither its environment, nor its session, nor its parents tell what it belongs to.
  const escaped = (time: string): string => `(env -i /usr/bin/setsid /bin/sh -c 'sleep ${time} & wait' >/dev/null 2>&1 &) ; `

  afterAll(() => {
    if (group !== null) rmdirSync(group)
  })

  it('what hides ends as well, also after the producer was killed', async () => {
    const config = { ...short, programs, cgroup: group }
    const before = await installation.execProducer('group', config)
    const times = [longTime(), longTime()]
    const cancelled = await before.accepted('hides', script(`${escaped(times[0] ?? '')} exec sleep ${times[0]}`))
    await until('both run', () => processesWith(times[0] ?? '').length === 2)
    await before.cancel(cancelled)
    expect(await before.over(cancelled)).toBe('CANCELLED')
    expect(processesWith(times[0] ?? '')).toEqual([])

    const onlyOnce = `[ "$DATAJOB_ATTEMPT" = 1 ] || exit 0; ${escaped(times[1] ?? '')} exec sleep ${times[1]}`
    const id = await before.accepted('killed', script(onlyOnce))
    await until('both run', () => processesWith(times[1] ?? '').length === 2)
    await before.child.kill()
    const after = await installation.execProducer('group', config)
    expect(await after.over(id)).toBe('FINISHED')
    expect(processesWith(times[1] ?? '')).toEqual([])
    await after.child.stop()
    expect(readdirSync(group ?? '', { withFileTypes: true }).filter((entry) => entry.isDirectory())).toEqual([])
  })
})

describe.runIf(process.getuid?.() === 0)('as another user', () => {
  const nobody = { uid: 65_534, gid: 65_534 }

  it('a command has its own folder, and none of what is the producer’s', async () => {
    chmodSync(installation.folder, 0o711)
    const config = { ...short, programs, bucket, user: nobody }
    const before = await installation.execProducer('user', config)
    const text = `id -u; id -g; id -G; touch "$TMPDIR/x" && echo 50 >> "$DATAJOB_PROGRESS"; echo also > /dev/stderr; cat in > out
      cat /proc/${before.child.pid}/environ; cat ../../../../exec.sqlite; ls ../../..; rm ../stdout; true`
    const own = script(text, { files: { in: 'x' }, outputs: ['out'] })
    const { statusCode, result } = await before.response(await before.accepted('own', own))
    expect(`${statusCode}: ${result.problem} ${result.stdout.text}`).toBe('0: null 65534\n65534\n65534\n')
    const denied = result.stderr.text.match(/environ|exec\.sqlite|open directory|remove/g)
    expect(denied).toEqual(['environ', 'exec.sqlite', 'open directory', 'remove'])
    expect(result.stderr.text).toMatch(/^also\n/)

    // What it leaves is read with other rights than its own: links lead nowhere.
    const links = 'ln -s /etc etc; ln -s /etc/passwd passwd; mv ../work ../other; ls .. >&2'
    const linked = await before.responses(
      await before.accepted('links', script(links, { resultFile: 'etc/passwd' }), script(links, { outputs: ['etc/passwd', 'passwd'] })),
    )
    expect(linked.map(({ result: { problem } }) => problem)).toEqual([
      ...['resultFile: etc/passwd is not there', 'outputs: no file matches "etc/passwd"'],
    ])

    const time = longTime()
    const id = await before.accepted('ends', script(`[ "$DATAJOB_ATTEMPT" = 1 ] || exit 0; ${daemon(time)} exec sleep ${time}`))
    await until('both run', () => processesWith(time).length === 2)
    await before.child.kill()
    await until('the command itself ended with its producer', () => processesWith(time).length === 1)
    const after = await installation.execProducer('user', config)
    expect(await after.over(id)).toBe('FINISHED')
    expect(processesWith(time)).toEqual([])
  })
})

describe('a producer', () => {
  it('gives its cores to one command at a time, to who came first, and takes no more jobs than it may', async () => {
    const busy = await installation.execProducer('busy', { ...short, programs, capacity: { cores: 1 }, jobsMax: 3 })
    const folder = join(installation.folder, 'busy')
    const mark = (name: string): object => script(`echo "${name} begins" >> ${folder}/log; sleep 0.1; echo "${name} ends" >> ${folder}/log`)
    const first = await busy.accepted('first', script(`until [ -e ${folder}/go ]; do sleep 0.02; done`))
    const ids = [await busy.accepted('a', mark('a')), await busy.accepted('b', mark('b'))]
    const full = await busy.submit('c', [{ operationId: 1, value: mark('c') }])
    expect(full).toMatchObject({ status: 429, body: { message: 'as many jobs wait as may, jobsMax is 3' } })
    expect(full.headers.get('retry-after')).toBe('5')
    expect((await busy.submit('a', [{ operationId: 1, value: mark('a') }])).body).toEqual({ dataProducerJobId: ids[0] })
    expect((await busy.request('GET', '/stats')).body).toMatchObject({ queued: 2, running: 1, free: { cores: 0 } })
    await busy.cancel(first)
    for (const id of ids) expect(await busy.over(id)).toBe('FINISHED')
    expect(readFileSync(`${folder}/log`, 'utf8').trim().split('\n')).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
  })

  it('that is killed leaves nothing running once it is back, begins again what had not ended, and repeats nothing that had', async () => {
    const config = { ...short, programs }
    const before = await installation.execProducer('killed', config)
    const folder = join(installation.folder, 'killed')
    const times = [longTime(), longTime()]
    const done = await before.accepted('done', script(`echo run >> ${folder}/done; echo result`))
    const result = await before.responses(done)
    // The first try hangs, with a daemon; the next one finds that it was there.
    const again = `echo run >> ${folder}/again; [ "$DATAJOB_ATTEMPT" = 1 ] || exit 0; ${daemon(times[0] ?? '')} exec sleep ${times[1]}`
    const values = [script(`echo run >> ${folder}/earlier`), script(again)]
    const id = await before.accepted('again', ...values)
    await running(times[0] ?? '')
    await running(times[1] ?? '')
    await before.child.kill()
    await until('the command itself ended with its producer', () => processesWith(times[1] ?? '').length === 0)

    const after = await installation.execProducer('killed', config)
    const [earlier, second] = await after.responses(id)
    expect(earlier).toMatchObject({ statusCode: 0, result: { attempt: 1 } })
    expect(second).toMatchObject({ statusCode: 0, result: { attempt: 2 } })
    expect(times.flatMap(processesWith)).toEqual([])
    expect(await after.responses(done)).toEqual(result)
    expect(await after.accepted('done', script(`echo run >> ${folder}/done`))).toBe(done)
    expect(await after.accepted('again', ...values)).toBe(id)
    const runs = ['done', 'earlier', 'again'].map((name) => readFileSync(join(folder, name), 'utf8').split('\n').length - 1)
    expect(runs).toEqual([1, 1, 2])
  })

  it('may be killed at any moment, again and again: only what ran then runs again', async () => {
    const config = { ...short, programs, attemptsMax: 100 }
    let current = await installation.execProducer('mortal', config)
    const folder = join(installation.folder, 'mortal')
    const begun = (): readonly string[] => (existsSync(`${folder}/begun`) ? readFileSync(`${folder}/begun`, 'utf8').trim().split('\n') : [])
    const commands = Array.from({ length: 30 }, (_, n) => script(`echo ${n} >> ${folder}/begun; sleep 0.0${n % 7}; echo ${n}`))
    const ids = [await current.accepted('one', ...commands.slice(0, 15)), await current.accepted('other', ...commands.slice(15))]
    const seen: (readonly [id: string, responses: string])[] = []
    for (const enough of [3, 9, 16, 24]) {
      await until(`${enough} have begun`, () => begun().length >= enough)
      await current.child.kill()
      current = await installation.execProducer('mortal', config)
    }
    for (const id of ids) seen.push([id, JSON.stringify(await current.responses(id))])
    await current.child.kill()
    current = await installation.execProducer('mortal', config)
    for (const [id, responses] of seen) expect(JSON.stringify(await current.responses(id))).toBe(responses)
    const all = seen.flatMap(([, responses]) => JSON.parse(responses) as readonly ExecResponse[])
    expect(all.map(({ result }) => result.stdout.text.trim())).toEqual(commands.map((_, n) => String(n)))
    // One that was killed before it said that it had begun is an attempt, too.
    const attempts = all.map(({ result }) => result.attempt)
    const runs = commands.map((_, n) => begun().filter((each) => each === String(n)).length)
    expect(runs.filter((times, n) => times < 1 || times > (attempts[n] ?? 0))).toEqual([])
    expect(attempts.reduce((sum, attempt) => sum + attempt)).toBeLessThanOrEqual(commands.length + 4 * 2)
  })

  it('that is asked to stop ends what runs, and begins it again when it is back', async () => {
    const config = { ...short, programs }
    const before = await installation.execProducer('stopped', config)
    const time = longTime()
    const id = await before.accepted('long', script(`[ "$DATAJOB_ATTEMPT" = 1 ] || exit 0; ${daemon(time)} sleep ${time}`))
    await running(time)
    expect(await before.child.stop()).toEqual({ code: 0, signal: null })
    expect(processesWith(time)).toEqual([])
    const after = await installation.execProducer('stopped', config)
    expect(await after.response(id)).toMatchObject({ statusCode: 0, result: { attempt: 2 } })
  })

  it('hears only those who know its password, where it has one', async () => {
    writeFileSync(join(installation.folder, 'password'), 'pä:ss\n')
    const auth = { username: 'us', passwordFile: '../password' }
    const guarded = await installation.execProducer('guarded', { ...short, programs, auth })
    const basic = (text: string): Record<string, string> => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
    expect((await guarded.request('GET', '/stats')).status).toBe(401)
    expect((await guarded.request('POST', '/dmi/v1/cmwriteJob', {}, basic('us:pass'))).status).toBe(401)
    expect((await guarded.request('GET', '/stats', undefined, basic('us:pä:ss'))).status).toBe(200)
    expect((await guarded.request('GET', '/health')).body).toMatchObject({ status: 'UP', name: 'exec' })
  })

  it('forgets what ended, and its files, after a while', async () => {
    const forgetful = await installation.execProducer('forgetful', { ...short, programs, retentionSeconds: 1 })
    const id = await forgetful.accepted('soon', { command: ['echo', 'x'] })
    await forgetful.over(id)
    await until('it is forgotten', async () => {
      const { status } = await forgetful.request('GET', `/dmi/v1/dataJob/x/dataProducerJob/${id}/status?dataProducerId=`)
      return status === 404
    })
    const folder = join(installation.folder, 'forgetful/data/work')
    await until('its files are gone', () => existsSync(folder) && readdirSync(folder).length === 0)
  })
})
