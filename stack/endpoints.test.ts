import { expect, test } from 'vitest'
import { asEnvironment, endpointsOf, givenEndpoints } from './endpoints.ts'

const ports = { kafka: 9092, registry: 8081, s3: 9000 }

test('an empty environment gives nothing, empty values included', () => {
  expect(givenEndpoints({ DATAJOB_KAFKA_BROKERS: ' ', DATAJOB_S3_ENDPOINT: '' })).toEqual({})
})

test('a given endpoint wins over the port of the stack, the others stay', () => {
  const endpoints = endpointsOf(givenEndpoints({ DATAJOB_KAFKA_BROKERS: 'a:1,b:2' }), ports)
  expect(endpoints.kafkaBrokers).toBe('a:1,b:2')
  expect(endpoints.registryUrl).toBe('http://127.0.0.1:8081/apis/ccompat/v7')
  expect(endpoints.s3Endpoint).toBe('http://127.0.0.1:9000')
})

test('an S3 endpoint without its keys is refused, and the keys are named', () => {
  const env = { DATAJOB_S3_ENDPOINT: 'http://s3:9000', DATAJOB_S3_ACCESS_KEY: 'key' }
  expect(() => givenEndpoints(env)).toThrow(/DATAJOB_S3_ACCESS_KEY and DATAJOB_S3_SECRET_KEY/)
})

test('endpoints handed on through the environment come out the same', () => {
  const endpoints = endpointsOf({}, ports)
  expect(endpointsOf(givenEndpoints(asEnvironment(endpoints)), {})).toEqual(endpoints)
})

test('trailing slashes of addresses are dropped', () => {
  expect(givenEndpoints({ DATAJOB_REGISTRY_URL: 'http://r:8081//' }).registry).toBe('http://r:8081')
})

test('a stack of three brokers is reached through all of them', () => {
  expect(endpointsOf({}, { ...ports, 'kafka-3': 3, 'kafka-2': 2 }).kafkaBrokers).toBe('127.0.0.1:9092,127.0.0.1:2,127.0.0.1:3')
})
