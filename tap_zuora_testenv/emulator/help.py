"""The words of `zuora-testenv-emulator --help`."""

DESCRIPTION = """\
A Zuora on 127.0.0.1 that holds test environments and their refresh jobs: to build and rehearse pipelines on, because a
real refresh destroys a sandbox and is possible once in 28 days. Jobs go through their steps by a clock that can be
hurried; nothing leaves this machine and nothing is kept when it stops."""

EPILOG = """\
Zuora's own operations need a token:

  TOKEN=$(curl -s 127.0.0.1:8765/oauth/token -d grant_type=client_credentials \\
    -d client_id=demo-client -d client_secret=demo-secret | sed 's/.*access_token": "\\([^"]*\\).*/\\1/')
  curl -H "Authorization: Bearer $TOKEN" 127.0.0.1:8765/test-environments
  curl -H "Authorization: Bearer $TOKEN" 127.0.0.1:8765/test-environments/ID/jobs
  curl -H "Authorization: Bearer $TOKEN" 127.0.0.1:8765/test-environments/ID/jobs -d '{"jobType": "REFRESH"}'
  curl -H "Authorization: Bearer $TOKEN" 127.0.0.1:8765/test-environments/ID/jobs/JOB/actions \\
    -d '{"jobAction": "CANCEL"}'

Control endpoints lie under /emulator/ and need none: who can reach the port can use them.

The clock of the jobs (tokens last real seconds): read it, set it, move it, change its speed.

  curl 127.0.0.1:8765/emulator/clock
  curl -X PUT 127.0.0.1:8765/emulator/clock -d '{"now": "2026-03-01T00:00:00Z", "speed": 60}'
  curl -X PUT 127.0.0.1:8765/emulator/clock -d '{"advance_seconds": 86400}'

Faults answer in place of the real thing. The first that matches and is not used up has its way; a list adds several.

  curl 127.0.0.1:8765/emulator/faults -d '{"path": "/test-environments/*/jobs*", "times": 2, "status": 503,
    "headers": {"Retry-After": "1"}, "json": {"message": "Try later."}}'
  curl 127.0.0.1:8765/emulator/faults                 which there are, and how many requests have come to each
  curl -X DELETE 127.0.0.1:8765/emulator/faults       none any more

  path             a shell pattern for the path; * also matches a slash (*)
  method           GET or POST (any)
  after, times     let so many pass first (0), then take so many (all)
  status, headers  of the answer; without status and body the real answer is given
  body, json       the body, as text or as a JSON value
  delay_seconds    wait before the answer
  drip_seconds     wait between the bytes of its body
  cut_after_bytes  break the connection after so many bytes of its body

The request log holds method, path, query, status, some headers, whether the token was valid and its fingerprint (never
the token), the client's port, and how many requests were in flight.

  curl 127.0.0.1:8765/emulator/requests
  curl -X DELETE 127.0.0.1:8765/emulator/requests
"""
