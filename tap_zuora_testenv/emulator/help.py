"""The texts of `zuora-testenv-emulator --help`."""

from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET

DESCRIPTION = """\
An emulated Zuora on 127.0.0.1, with test environments and their refresh jobs, for development and dry runs: a real
refresh erases a sandbox and is allowed only once every 28 days. Jobs progress with a clock that you can set and speed
up. The emulator sends nothing to other machines and keeps nothing when it stops."""

EPILOG = f"""\
Zuora's own operations need a token. GET /openapi.json describes them.

  TOKEN=$(curl -s 127.0.0.1:8765/oauth/token -d grant_type=client_credentials \\
    -d client_id={DEMO_CLIENT_ID} -d client_secret={DEMO_CLIENT_SECRET} |
    sed 's/.*"access_token":"\\([^"]*\\).*/\\1/')
  JSON='Content-Type: application/json'
  curl -H "Authorization: Bearer $TOKEN" 127.0.0.1:8765/test-environments
  curl -H "Authorization: Bearer $TOKEN" 127.0.0.1:8765/test-environments/ID/jobs
  curl -H "Authorization: Bearer $TOKEN" 127.0.0.1:8765/test-environments/ID/jobs -H "$JSON" \\
    -d '{{"jobType": "REFRESH"}}'
  curl -H "Authorization: Bearer $TOKEN" 127.0.0.1:8765/test-environments/ID/jobs/JOB/actions -H "$JSON" \\
    -d '{{"jobAction": "CANCEL"}}'

The endpoints under /emulator/ need no token. Every program on this machine can use them; a web page cannot, because
requests with a foreign Host or Origin are refused.

The clock of the jobs (tokens expire in real time): read it, set it, advance it, change its speed.

  curl 127.0.0.1:8765/emulator/clock
  curl -X PUT 127.0.0.1:8765/emulator/clock -H "$JSON" -d '{{"now": "2026-03-01T00:00:00Z", "speed": 60}}'
  curl -X PUT 127.0.0.1:8765/emulator/clock -H "$JSON" -d '{{"advance_seconds": 86400}}'

Faults replace, delay or break responses. The first matching fault with uses left applies; POST a list to add several.

  curl 127.0.0.1:8765/emulator/faults -H "$JSON" -d '{{"path": "/test-environments/*/jobs*", "times": 2,
    "status": 503, "headers": {{"Retry-After": "1"}}, "json": {{"message": "Try later."}}}}'
  curl 127.0.0.1:8765/emulator/faults                 list the faults, each with the number of requests it matched
  curl -X DELETE 127.0.0.1:8765/emulator/faults       remove all faults

  path             a shell pattern for the path; * also matches a slash (*)
  method           GET or POST (any)
  after, times     skip this many matching requests (0), then affect this many (all)
  status, headers  of the response; without status and body, the real response is sent
  body, json       the body, as text or as a JSON value
  delay_seconds    the delay before the response
  drip_seconds     the delay between the bytes of its body
  cut_after_bytes  the number of bytes of its body after which the connection breaks

The request log contains the method, the path, the query, the status and some headers of each request, whether its
token was valid, the fingerprint of the token (never the token), the client's port, and how many were in flight.

  curl 127.0.0.1:8765/emulator/requests
  curl -X DELETE 127.0.0.1:8765/emulator/requests

--sloppy sends what /openapi.json does not allow but a live tenant may send anyway: null for a field without a
value, numbers for tenant ids, date-times in any form that Zuora uses somewhere, and error responses of other shapes.

--history serves the rows that the tap has emitted: a file with the tap's output. The rows do not change with the clock.
With --pseudonymize, ids and names are replaced by numbers, and unknown fields are left out. Run the tap again on this
emulator, and share its output to let others reproduce a problem.

--ready-file is created with mode 0600 when the emulator is ready, and removed when it stops. It replaces whatever has
this name, such as the file of an emulator that was killed; a symbolic link is replaced, not followed.
"""
