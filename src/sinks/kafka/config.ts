export interface KafkaSinkConfig {
  /** The largest value of a record. */
  readonly valueBytesMax: number
  /** All responses of a subjob together: they are in memory until the transaction that writes them is committed. */
  readonly subjobBytesMax: number
  /** How long a topic that was there is taken to be there still, in milliseconds. */
  readonly topicKnownMs: number
}

export const kafkaSinkDefaults: KafkaSinkConfig = {
  valueBytesMax: 900_000,
  subjobBytesMax: 64 * 1024 * 1024,
  topicKnownMs: 30_000,
}
