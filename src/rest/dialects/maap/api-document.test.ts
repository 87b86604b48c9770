import { exerciseDialectDocument } from '../../../../test/fakes/dialect-document.ts'
import { isMaapPath } from './base.ts'

exerciseDialectDocument({
  ...{ document: '/api/v1/api', page: '/api/v1/api.html', base: '/api/v1', isOwn: isMaapPath, list: '/jobs', error: 'message' },
  operations: [
    ...['get /algorithms', 'get /algorithms/{algorithm_id}', 'get /jobentries', 'get /jobentries/{entry_id}'],
    ...['get /jobentries/{entry_id}/steps/{index}', 'get /jobs', 'get /jobs/{job_id}', 'post /algorithms'],
    ...['post /jobentries/{entry_id}/cancel', 'post /jobentries/{entry_id}/run', 'post /jobentries/{entry_id}/steps/{index}/run'],
    ...['post /jobs', 'post /jobs/{job_id}/submit'],
  ],
})
