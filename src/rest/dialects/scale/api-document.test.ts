import { exerciseDialectDocument } from '../../../../test/fakes/dialect-document.ts'
import { isScalePath } from './base.ts'

exerciseDialectDocument({
  ...{ document: '/v6/api/', page: '/v6/api.html', base: '/v6', isOwn: isScalePath, list: '/jobs/', error: 'detail' },
  operations: [
    ...['get /batches/', 'get /batches/{id}/', 'get /job-executions/{id}/logs/{log_id}/', 'get /job-types/'],
    ...['get /job-types/{name}/{version}/', 'get /jobs/', 'get /jobs/{id}/', 'get /jobs/{id}/executions/'],
    ...['get /jobs/{id}/executions/{exe_num}/', 'get /jobs/{id}/input_files/', 'patch /job-types/{name}/{version}/'],
    ...['post /batches/', 'post /job-types/', 'post /jobs/', 'post /jobs/cancel/', 'post /jobs/requeue/'],
  ],
})
