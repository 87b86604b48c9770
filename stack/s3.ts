import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Installation } from './install.ts'
import { launch, stackMark, untilReady } from './processes.ts'
import { httpAnswers } from './registry.ts'

export interface S3Options {
  readonly folder: string
  readonly installation: Installation
  readonly port: number
}

/** What a client has to present. The server checks neither, but clients refuse to sign with nothing. */
export const s3Credentials = { accessKey: 'datajob', secretKey: 'datajob-local', region: 'us-east-1' }

/** A bucket that is there from the start. */
export const s3InitialBucket = 'datajob'

export function s3Endpoint(port: number): string {
  return `http://127.0.0.1:${port}`
}

/**
 * Starts the S3 server on 127.0.0.1 and waits until it answers; answers its pid.
 * Throws a StackError `server-failed` with the end of its log.
 */
export async function startS3(options: S3Options): Promise<number> {
  const cwd = join(options.folder, 's3')
  const dataFolder = join(cwd, 'data')
  mkdirSync(join(cwd, 'tmp'), { recursive: true })
  mkdirSync(dataFolder, { recursive: true })
  const logFile = join(cwd, 's3.log')
  const launched = launch({
    name: 's3',
    command: options.installation.java,
    cwd,
    logFile,
    args: [
      '-Xms64m',
      '-Xmx256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-XX:+ExitOnOutOfMemoryError',
      `-Djava.io.tmpdir=${join(cwd, 'tmp')}`,
      stackMark(options.folder, 's3'),
      '-cp',
      join(options.installation.libraries, 's3', 's3mock.jar'),
      'org.springframework.boot.SpringApplication',
      ...s3Settings(dataFolder, options.port).map((setting) => `--${setting}`),
    ],
  })
  const answers = (): Promise<boolean> => httpAnswers(`${s3Endpoint(options.port)}/`)
  await untilReady({ name: 'the S3 server', launched, logFile, waitMsMax: 60_000, answers })
  return launched.pid
}

/**
 * S3Mock's own main class opens a second port on all interfaces, and nothing turns that off (docs/adr/0001). So it is put
 * together here from its own parts and Spring Boot's, without the part that opens ports: one HTTP port on 127.0.0.1 is left.
 */
const parts = [
  'com.adobe.testing.s3mock.store.StoreConfiguration',
  'com.adobe.testing.s3mock.service.ServiceConfiguration',
  'com.adobe.testing.s3mock.controller.ControllerConfiguration',
  'org.springframework.boot.autoconfigure.context.PropertyPlaceholderAutoConfiguration',
  'org.springframework.boot.autoconfigure.task.TaskExecutionAutoConfiguration',
  'org.springframework.boot.jackson.autoconfigure.JacksonAutoConfiguration',
  'org.springframework.boot.http.converter.autoconfigure.HttpMessageConvertersAutoConfiguration',
  'org.springframework.boot.tomcat.autoconfigure.servlet.TomcatServletWebServerAutoConfiguration',
  'org.springframework.boot.webmvc.autoconfigure.DispatcherServletAutoConfiguration',
  'org.springframework.boot.servlet.autoconfigure.HttpEncodingAutoConfiguration',
  'org.springframework.boot.servlet.autoconfigure.MultipartAutoConfiguration',
  'org.springframework.boot.webmvc.autoconfigure.WebMvcAutoConfiguration',
]

/**
 * Without a named initial bucket S3Mock creates one with an empty name, and then fails every request after a restart on the
 * same data.
 */
export function s3Settings(dataFolder: string, port: number): string[] {
  const store = 'com.adobe.testing.s3mock.store'
  return [
    `spring.main.sources=${parts.join(',')}`,
    'spring.main.banner-mode=off',
    'server.address=127.0.0.1',
    `server.port=${port}`,
    `${store}.root=${dataFolder}`,
    `${store}.retain-files-on-exit=true`,
    `${store}.initial-buckets=${s3InitialBucket}`,
    `${store}.region=${s3Credentials.region}`,
    'logging.level.root=warn',
  ]
}
