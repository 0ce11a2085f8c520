/** The evidence for a cause in one sentence, for operators and for the public, in every language. It decides nothing. */
import type { Cause, Instant, Language, Lost, Reason } from './model.ts';

/** For operators: it may name targets, hosts and what the far side said. */
export function reasonText(reason: Reason, language: Language): string {
  return OPERATOR[language](reason);
}

/** For everybody: no host, no target, no word of the far side. */
export function publicReasonText(reason: Reason, language: Language): string {
  const words = PUBLIC[language];
  switch (reason.kind) {
    case 'seen':
      return reason.fault.took === undefined
        ? words.causes[reason.cause]
        : words.slow(...figures(reason.fault.took, language));
    case 'host':
      return words.together(words.causes[reason.fault.cause]);
    case 'everything':
      return words.everything(words.causes[reason.fault.cause]);
    case 'ours':
      return words.causes.our_network;
    case 'notice':
      return words.causes.maintenance;
    case 'release':
      return words.causes.app_release;
    case 'nothing':
      return words.causes.unknown;
  }
}

interface Took {
  readonly ms: number;
  readonly promisedMs: number;
}

function figures({ ms, promisedMs }: Took, language: Language): [string, string] {
  return [seconds(ms, language), seconds(promisedMs, language)];
}

/** Whole seconds above ten, a tenth below, with the decimal mark of the language. */
function seconds(ms: number, language: Language): string {
  const text = String(ms < 10_000 ? Math.round(ms / 100) / 10 : Math.round(ms / 1_000));
  return language === 'id' ? text.replace('.', ',') : text;
}

interface PublicWords {
  /** How long it took and what was promised, in seconds. */
  readonly slow: (took: string, promised: string) => string;
  readonly causes: Readonly<Record<Cause, string>>;
  readonly together: (what: string) => string;
  readonly everything: (what: string) => string;
}

const PUBLIC: Readonly<Record<Language, PublicWords>> = {
  en: {
    slow: (took, promised) => `It answers more slowly than promised: promised ${promised} s, took ${took} s.`,
    causes: {
      name_resolution: 'Its internet address cannot be found.',
      unreachable: 'No connection can be made.',
      refused: 'It turns connections away at once.',
      tls: 'It cannot be reached over a secure connection.',
      timeout: 'It does not answer in time.',
      protocol: 'It answers in a way that makes no sense.',
      server_error: 'It reports an error of its own.',
      busy: 'All lines are busy.',
      no_answer: 'Nobody answers.',
      not_in_service: 'The number or address is not in service.',
      rejected: 'It turns requests away.',
      silence: 'The call connects, but there is no sound.',
      wrong_content: 'It shows something else than it should.',
      no_receipt: 'Messages go out, and no confirmation comes back.',
      slow: 'It answers more slowly than promised.',
      contact_changed: 'The published contact is not the one that was confirmed.',
      contact_hidden: 'The way to support is not where it used to be.',
      app_release: 'It began soon after a new version of the app.',
      maintenance: 'The provider has announced maintenance for this time.',
      overload: 'Too many people are asking at once.',
      our_network: 'We cannot look at the moment; the fault may be ours.',
      unknown: 'The reason is not known yet.',
    },
    together: (what) => `${what} Other ways that depend on the same system fail, too.`,
    everything: (what) => `${what} No other way to reach support that we watch answers either.`,
  },
  id: {
    slow: (took, promised) =>
      `Jawabannya lebih lambat daripada yang dijanjikan: dijanjikan ${promised} detik, nyatanya ${took} detik.`,
    causes: {
      name_resolution: 'Alamat internetnya tidak dapat ditemukan.',
      unreachable: 'Sambungan tidak dapat dibuat.',
      refused: 'Sambungan langsung ditolak.',
      tls: 'Tidak dapat dihubungi melalui sambungan yang aman.',
      timeout: 'Tidak menjawab tepat waktu.',
      protocol: 'Jawabannya tidak dapat dipahami.',
      server_error: 'Sistemnya sendiri melaporkan gangguan.',
      busy: 'Semua saluran sedang sibuk.',
      no_answer: 'Tidak ada yang menjawab.',
      not_in_service: 'Nomor atau alamatnya tidak aktif.',
      rejected: 'Permintaan ditolak.',
      silence: 'Panggilan tersambung, tetapi tidak ada suara.',
      wrong_content: 'Yang ditampilkan tidak sesuai dengan yang seharusnya.',
      no_receipt: 'Pesan terkirim, tetapi tidak ada konfirmasi balasan.',
      slow: 'Jawabannya lebih lambat daripada yang dijanjikan.',
      contact_changed: 'Kontak yang ditampilkan bukan kontak yang sudah dipastikan.',
      contact_hidden: 'Jalan menuju layanan bantuan tidak lagi di tempat biasanya.',
      app_release: 'Gangguan mulai tak lama setelah versi baru aplikasi.',
      maintenance: 'Penyedia layanan telah mengumumkan pemeliharaan untuk waktu ini.',
      overload: 'Terlalu banyak orang yang bertanya pada saat yang sama.',
      our_network: 'Saat ini kami tidak dapat memeriksa; gangguannya mungkin pada kami.',
      unknown: 'Penyebabnya belum diketahui.',
    },
    together: (what) => `${what} Cara lain yang memakai sistem yang sama juga terganggu.`,
    everything: (what) => `${what} Cara lain yang kami pantau untuk menghubungi layanan bantuan juga tidak menjawab.`,
  },
  zh: {
    slow: (took, promised) => `响应比承诺的慢：承诺 ${promised} 秒，实际 ${took} 秒。`,
    causes: {
      name_resolution: '找不到它的网络地址。',
      unreachable: '无法建立连接。',
      refused: '连接立即被拒绝。',
      tls: '无法通过安全连接访问。',
      timeout: '未能及时响应。',
      protocol: '返回的内容无法识别。',
      server_error: '对方系统报告自身出错。',
      busy: '所有线路都在忙。',
      no_answer: '无人应答。',
      not_in_service: '该号码或地址未启用。',
      rejected: '请求被拒绝。',
      silence: '电话能接通，但没有声音。',
      wrong_content: '显示的内容与应有的不符。',
      no_receipt: '消息已发出，但没有收到回执。',
      slow: '响应比承诺的慢。',
      contact_changed: '公布的联系方式与已核实的不一致。',
      contact_hidden: '客服入口不在原来的位置。',
      app_release: '问题出现在应用发布新版本后不久。',
      maintenance: '服务方已公告此时段进行维护。',
      overload: '同时咨询的人太多。',
      our_network: '我们目前无法检测，问题可能出在我们这边。',
      unknown: '原因尚不清楚。',
    },
    together: (what) => `${what}依赖同一系统的其他渠道也出现故障。`,
    everything: (what) => `${what}我们监测的其他客服渠道也都没有响应。`,
  },
};

const OPERATOR: Readonly<Record<Language, (reason: Reason) => string>> = {
  en: (reason) => {
    switch (reason.kind) {
      case 'seen':
        return `${localName(reason.target)}: ${reason.fault.message} (${reason.fault.code})`;
      case 'host':
        return `${reason.targets} targets on ${reason.host} fail and none there answers: ${reason.fault.message} (${reason.fault.code})`;
      case 'everything':
        return `all ${reason.targets} targets of the provider fail: ${reason.fault.message} (${reason.fault.code})`;
      case 'ours':
        return `our own network: ${missing('en', reason)}`;
      case 'notice':
        return `announced: “${reason.title}”, ${windowOf(reason.from, reason.until, 'from', 'until')}`;
      case 'release':
        return `began ${spanOf(reason.beforeMs, 'min', 'h')} after release ${reason.version} of the app`;
      case 'nothing':
        return 'no failing target is left';
    }
  },
  id: (reason) => {
    switch (reason.kind) {
      case 'seen':
        return `${localName(reason.target)}: ${reason.fault.message} (${reason.fault.code})`;
      case 'host':
        return `${reason.targets} target di ${reason.host} gagal dan tidak ada yang menjawab di sana: ${reason.fault.message} (${reason.fault.code})`;
      case 'everything':
        return `seluruh ${reason.targets} target penyedia ini gagal: ${reason.fault.message} (${reason.fault.code})`;
      case 'ours':
        return `jaringan kami sendiri: ${missing('id', reason)}`;
      case 'notice':
        return `diumumkan: “${reason.title}”, ${windowOf(reason.from, reason.until, 'dari', 'sampai')}`;
      case 'release':
        return `mulai ${spanOf(reason.beforeMs, 'menit', 'jam')} setelah aplikasi versi ${reason.version} dirilis`;
      case 'nothing':
        return 'tidak ada lagi target yang gagal';
    }
  },
  zh: (reason) => {
    switch (reason.kind) {
      case 'seen':
        return `${localName(reason.target)}：${reason.fault.message}（${reason.fault.code}）`;
      case 'host':
        return `${reason.host} 上的 ${reason.targets} 个目标失败，且该主机无一应答：${reason.fault.message}（${reason.fault.code}）`;
      case 'everything':
        return `该服务方的全部 ${reason.targets} 个目标失败：${reason.fault.message}（${reason.fault.code}）`;
      case 'ours':
        return `我们自己的网络：${missing('zh', reason)}`;
      case 'notice':
        return `已公告：“${reason.title}”，${windowOf(reason.from, reason.until, '自', '至')}`;
      case 'release':
        return `始于应用 ${reason.version} 版发布后 ${spanOf(reason.beforeMs, '分钟', '小时')}`;
      case 'nothing':
        return '已没有失败的目标';
    }
  },
};

const MISSING: Readonly<Record<Language, Readonly<Record<Lost | 'canaries', string>>>> = {
  en: {
    link: 'no network link is up',
    route: 'there is no default route',
    gateway: 'the gateway does not answer',
    upstream: 'the gateway answers, and nothing beyond it does',
    'name server': 'our name server does not answer',
    canaries: 'the canaries do not answer',
  },
  id: {
    link: 'tidak ada sambungan jaringan yang aktif',
    route: 'tidak ada rute bawaan',
    gateway: 'gateway tidak menjawab',
    upstream: 'gateway menjawab, tetapi tidak ada yang menjawab di luarnya',
    'name server': 'server nama kami tidak menjawab',
    canaries: 'alamat pembanding kami tidak menjawab',
  },
  zh: {
    link: '没有可用的网络连接',
    route: '没有默认路由',
    gateway: '网关没有响应',
    upstream: '网关有响应，但网关以外均无响应',
    'name server': '我们的域名服务器没有响应',
    canaries: '用于自检的地址没有响应',
  },
};

/** Which part of our own way is missing. */
export function missingText(lost: Lost | 'canaries', language: Language): string {
  return MISSING[language][lost];
}

function missing(language: Language, { lost, detail }: Reason & { readonly kind: 'ours' }): string {
  return lost === undefined ? detail : MISSING[language][lost];
}

function windowOf(from: number, until: number | undefined, since: string, to: string): string {
  const start = `${since} ${formatMinute(from)} UTC`;
  return until === undefined ? start : `${start} ${to} ${formatMinute(until)} UTC`;
}

function spanOf(ms: number, minutes: string, hours: string): string {
  const whole = Math.round(ms / 60_000);
  return whole < 90 ? `${whole} ${minutes}` : `${Math.round(whole / 60)} ${hours}`;
}

function formatMinute(at: Instant): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}

function localName(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}
