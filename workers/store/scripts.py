"""Lua scripts of the batch store: each is one step for all others, whoever dies in between.

A batch is a hash; its id lies in exactly one of three sorted sets of its queue

    waiting   score: when a worker was last told of it (0: never)
    leased    score: when the lease of the worker that has it ends
    delayed   score: when it may be tried again

or in `parked` while its job is cancelled or failed.

`token` names the present lease: whoever comes back with another one has lost the batch to someone else. So has
whoever comes back after the sweep found the lease ended, even if nobody took the batch since: it is told to others.

`crashes` counts failures that somebody saw: an error, or a process that died and left its worker behind. `losses`
counts leases that ended without a word: the whole worker was killed, or cut off from the store. That says little about
the batch, so it takes many of them.
"""

from __future__ import annotations

__all__ = ["CRASH", "FINISH", "LEASE", "PARK", "PUT", "RELEASE", "RENEW", "SWEEP", "TICK"]

_NOW = """
local t = redis.call('TIME')
local now = tonumber(t[1]) + tonumber(t[2]) / 1000000
"""

PUT = (
    _NOW
    + """
-- KEYS batch waiting leased delayed job driver   ARGV id limit(0: none) n_items driver_token number field value …
-- -> 1 taken, 0 full, 2 known, 3 not by this driver. With a token only the job's driver may put, and only the batch
-- after those that the job has: a command sent again after a lost answer, or a driver that was replaced, puts nothing.
if redis.call('EXISTS', KEYS[1]) == 1 then return 2 end
if ARGV[4] ~= '' then
  if redis.call('GET', KEYS[6]) ~= ARGV[4] then return 3 end
  local has = tonumber(redis.call('HGET', KEYS[5], 'batches') or '0')
  if has > tonumber(ARGV[5]) then return 2 end
  if has < tonumber(ARGV[5]) then return 3 end
end
local limit = tonumber(ARGV[2])
if limit > 0 then
  local n = redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3]) + redis.call('ZCARD', KEYS[4])
  if n >= limit then return 0 end
end
for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'crashes', 0, 'losses', 0, 'troubles', 0, 'made_at', now)
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('HINCRBY', KEYS[5], 'planned', ARGV[3])
redis.call('HINCRBY', KEYS[5], 'batches', 1)
redis.call('HSET', KEYS[5], 'changed_at', now)
return 1
"""
)

LEASE = (
    _NOW
    + """
-- KEYS batch waiting leased   ARGV id token lease_s   -> the batch's hash, or nil if it is done or another's
if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
local ends = redis.call('ZSCORE', KEYS[3], ARGV[1])
if ends then
  if redis.call('HGET', KEYS[1], 'token') == ARGV[2] then return redis.call('HGETALL', KEYS[1]) end  -- asked again
  if tonumber(ends) > now then return nil end
elseif redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then
  return nil
end
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[3]), ARGV[1])
redis.call('HSET', KEYS[1], 'token', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'losses', 1)
return redis.call('HGETALL', KEYS[1])
"""
)

RENEW = (
    _NOW
    + """
-- KEYS batch leased   ARGV id token lease_s   -> 1 if the lease is still ours
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] or not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), ARGV[1])
return 1
"""
)

RELEASE = (
    _NOW
    + """
-- KEYS batch leased delayed   ARGV id token delay_s troubles   -> 1 if the lease was ours
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] or not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], 'token')
redis.call('HINCRBY', KEYS[1], 'losses', -1)
redis.call('HINCRBY', KEYS[1], 'troubles', ARGV[4])
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[3]), ARGV[1])
return 1
"""
)

FINISH = (
    _NOW
    + """
-- KEYS batch leased job counters dead dead_order delayed
-- ARGV id token n_counts (field n)… n_dead (id body)… n_next (id key delay_s payload count crashes)…
--      n_warnings most other (kind n example)…: a job keeps `most` kinds, later ones count as `other`
-- -> 1 if the lease was ours. Counts, dead letters and what is to be tried again come with the batch's end, or not.
-- A job that is gone is not made anew by it.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] or not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
local at = 3
local known = redis.call('HEXISTS', KEYS[3], 'kind') == 1
local n = tonumber(ARGV[at]); at = at + 1
for _ = 1, n do
  if known then redis.call('HINCRBYFLOAT', KEYS[3], ARGV[at], ARGV[at + 1]) end
  redis.call('HINCRBYFLOAT', KEYS[4], ARGV[at], ARGV[at + 1])
  at = at + 2
end
n = tonumber(ARGV[at]); at = at + 1
for _ = 1, n do
  redis.call('HSET', KEYS[5], ARGV[at], ARGV[at + 1])
  redis.call('ZADD', KEYS[6], now, ARGV[at])
  at = at + 2
end
n = tonumber(ARGV[at]); at = at + 1
for _ = 1, n do
  for _, name in ipairs({'job', 'queue', 'index'}) do
    local value = redis.call('HGET', KEYS[1], name)
    if value then redis.call('HSET', ARGV[at + 1], name, value) end
  end
  redis.call('HSET', ARGV[at + 1], 'crashes', ARGV[at + 5], 'losses', 0, 'troubles', 0, 'made_at', now,
             'payload', ARGV[at + 3], 'count', ARGV[at + 4])
  redis.call('ZADD', KEYS[7], now + tonumber(ARGV[at + 2]), ARGV[at])
  at = at + 6
end
n = tonumber(ARGV[at]); local most = tonumber(ARGV[at + 1]); local other = ARGV[at + 2]; at = at + 3
if not known then n = 0 end
for _ = 1, n do
  local kind = ARGV[at]
  if redis.call('HEXISTS', KEYS[3], 'warned:' .. kind) == 0 then
    if tonumber(redis.call('HGET', KEYS[3], 'warned_kinds') or 0) < most then
      redis.call('HINCRBY', KEYS[3], 'warned_kinds', 1)
    else
      kind = other
    end
  end
  redis.call('HINCRBY', KEYS[3], 'warned:' .. kind, ARGV[at + 1])
  redis.call('HSETNX', KEYS[3], 'warned_first:' .. kind, ARGV[at + 2])
  at = at + 3
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
if known then redis.call('HSET', KEYS[3], 'changed_at', now) end
return 1
"""
)

PARK = """
-- KEYS batch leased parked waiting job   ARGV id token   -> 1 if the lease was ours
-- A job that was resumed meanwhile has taken back what was parked before: then the batch waits.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] or not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], 'token')
redis.call('HINCRBY', KEYS[1], 'losses', -1)
local state = redis.call('HGET', KEYS[5], 'state')
local goes_on = state == 'queued' or state == 'running'
redis.call('ZADD', goes_on and KEYS[4] or KEYS[3], 0, ARGV[1])
return 1
"""

CRASH = (
    _NOW
    + """
-- KEYS batch leased delayed   ARGV id holder delay_s   -> 1 if a lease whose token begins with `holder` ended here
-- The process that held it is dead, and somebody saw it: no need to wait for the lease's end.
local token = redis.call('HGET', KEYS[1], 'token')
if not token or not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
if string.sub(token, 1, #ARGV[2]) ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], 'token')
redis.call('HINCRBY', KEYS[1], 'losses', -1)
redis.call('HINCRBY', KEYS[1], 'crashes', 1)
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[3]), ARGV[1])
return 1
"""
)

SWEEP = (
    _NOW
    + """
-- KEYS waiting leased delayed   ARGV announce_again_s limit   -> ids that a worker must be told of
local function move(from, most)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', from, '-inf', now, 'LIMIT', 0, most)) do
    redis.call('ZREM', from, id)
    redis.call('ZADD', KEYS[1], 0, id)
  end
end
move(KEYS[2], 1000)
move(KEYS[3], 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[1]), 'LIMIT', 0, tonumber(ARGV[2]))
for _, id in ipairs(due) do redis.call('ZADD', KEYS[1], now, id) end
return due
"""
)

TICK = (
    _NOW
    + """
-- KEYS clock   ARGV n   -> the first of n versions, all higher than any given before; microseconds since 1970
local micros = tonumber(t[1]) * 1000000 + tonumber(t[2])
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
local first = math.max(micros, last + 1)
redis.call('SET', KEYS[1], string.format('%.0f', first + tonumber(ARGV[1]) - 1))
return string.format('%.0f', first)
"""
)
