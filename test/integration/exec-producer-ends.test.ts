/** `datajob producer exec` through its own end, killed or asked to, and what its machine lends it: control groups, users. */
import { chmodSync, existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { controlGroup } from '../harness/control-group.ts'
import {
  daemon, type ExecResponse, longTime, processesWith, running, script, shellPrograms as programs, shortGrace as short,
} from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation } from '../harness/installation.ts'
import { until } from '../harness/until.ts'

let installation: Installation
let bucket: string

beforeAll(async () => {
  installation = await Installation.open('exec-ends', givenStack())
  bucket = await installation.bucket('outputs')
})

afterAll(async () => {
  await installation.close()
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
    await before.child.stopCleanly()
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
    const forgetful = await installation.execProducer('forgetful', { ...short, programs, retentionSeconds: 4 })
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
