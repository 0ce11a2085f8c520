/** A process that is killed with -9 during a call, and a real trunk (Kamailio) that keeps the session timer which the call asked for. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { headerOf } from '../../probes/lib/sip/header.ts';
import { openFarEnd, sdpFor } from '../lib/farside.ts';
import type { FarEnd } from '../lib/farside.ts';
import { describeWith } from '../lib/needs.ts';
import { accepts, freePort, removeFolder, start, stateFolder } from './daemon.ts';
import type { Daemon } from './daemon.ts';

const ENTRY = new URL('../../src/ringback.js', import.meta.url).pathname;
// Whole processes have to start, on a machine that may have better to do.
vi.setConfig({ testTimeout: 90_000 });
/** Seconds that this trunk makes of the 90 which are asked for: nobody waits so long for a test. */
const SHORT = 4;

const config = (port: number, far: number): string => `#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
dns=no
listen=udp:127.0.0.1:${port}
listen=tcp:127.0.0.1:${port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "textopsx.so"
loadmodule "siputils.so"
loadmodule "dialog.so"
loadmodule "sst.so"
modparam("dialog", "timeout_avp", "$avp(lifetime)")
modparam("sst", "timeout_avp", "$avp(lifetime)")
modparam("sst", "sst_flag", 6)
modparam("sst", "min_se", ${SHORT})
request_route {
  if (has_totag()) { loose_route(); t_relay(); exit; }
  if (is_method("INVITE")) {
    # As 90 seconds would be, but shorter. Who asks for none gets none.
    if (is_present_hf("Session-Expires")) {
      append_hf("Asked: $hdr(Session-Expires) of $hdr(Min-SE) with $hdr(Supported)\\r\\n");
      remove_hf("Session-Expires"); remove_hf("Min-SE");
      append_hf("Session-Expires: ${SHORT}\\r\\n");
      msg_apply_changes();
      # The module sst sets it too, but in 5.6 only after the dialog has read it.
      $avp(lifetime) = ${SHORT};
    }
    setflag(6);
    $dlg_ctx(timeout_bye) = 1;
    dlg_manage();
    record_route();
  }
  $du = "sip:127.0.0.1:${far}";
  t_relay();
}
`;

describeWith({ kamailio: 'kamailio' }, 'a session timer', () => {
  let folder: string;
  let far: FarEnd;
  let trunk: Daemon | undefined;
  let port: number;
  beforeAll(async () => {
    folder = await stateFolder('session');
    port = await freePort();
    far = await openFarEnd((request, end) => {
      if (request.method === 'INVITE') end.reply(request, 200, 'OK', { body: sdpFor(9) });
      else if (request.method !== 'ACK') end.reply(request, 200, 'OK');
    });
    await mkdir(join(folder, 'run'));
    await writeFile(join(folder, 'kamailio.cfg'), config(port, far.port));
    trunk = await start({
      program: 'kamailio',
      args: '-DD -E -m 32 -M 4'.split(' ').concat('-w', folder, '-Y', join(folder, 'run'), '-f', 'kamailio.cfg'),
      folder,
      ready: () => accepts(port),
    });
  });
  afterAll(async () => {
    await trunk?.stop();
    await far.close();
    await removeFolder(folder);
  });

  it('edge 38: ends the call of a process that was killed, for both sides', async () => {
    const call = '+622150849000';
    const settings = { trunk: { address: `sip:127.0.0.1:${port}` }, call, allow: [call], allow_private: true };
    const path = join(folder, 'call.yaml');
    await writeFile(path, JSON.stringify({ ...settings, hangup: 'after_listen', listen: '50s' }));
    const child = spawn(process.execPath, [ENTRY, 'try', 'sip-call', '--with', path, '--timeout', '60s'], {
      stdio: 'ignore',
    });
    await expect.poll(() => far.requests('ACK').length, { timeout: 25_000 }).toBe(1);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(far.requests('BYE')).toEqual([]);
    await expect.poll(() => far.requests('BYE').length, { timeout: 20_000 }).toBe(1);
    const [invite = expect.fail()] = far.requests('INVITE');
    expect(headerOf(invite, 'asked')).toBe('90 of 90 with 100rel, timer');
    expect(headerOf(invite, 'session-expires')).toBe(String(SHORT));
  });
});
