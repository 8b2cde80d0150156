import type { Links, ParameterFlaw, Params, Texts } from './texts.ts';

const parameterFlaws: Texts['parameterFlaws'] = {
  missing: () => 'serve un valore',
  allowed: ({ allowed = '' }) => `i valori possibili sono ${allowed}`,
  length: ({ min = '', max = '' }) => `deve avere ${limits(min, max)} caratteri`,
  items: ({ min = '', max = '' }) => `l'elenco deve avere ${limits(min, max)} elementi`,
  range: ({ min = '', max = '' }) => `deve essere un numero intero ${inRange(min, max)}`,
  number: () => 'deve essere un numero intero, scritto solo in cifre',
  'yes-no': () => 'deve essere true (sì) o false (no)',
  list: () => 'deve essere un elenco in formato JSON, tra parentesi quadre',
  object: () => 'deve essere un oggetto in formato JSON, tra parentesi graffe',
  characters: () => 'contiene caratteri che non si possono usare, come gli a capo, oppure è troppo lungo',
  bracket: () => 'non deve iniziare con una parentesi quadra',
  'dns-label': () =>
    'deve avere da 3 a 63 lettere, cifre o trattini, iniziare con una lettera e finire con una lettera o una cifra',
};

export const it: Texts = {
  license: {
    'new-tenant': ({ admin }) =>
      `Le tue licenze Microsoft sono pronte. Abbiamo creato un'organizzazione Microsoft per la tua azienda. Apri il collegamento "${admin}" di questo abbonamento e accedi con il nome utente e la password indicati tra le credenziali. Al primo accesso sceglierai una password personale. Poi aggiungi i tuoi utenti e assegna loro le licenze.`,
    'password-lost': ({ admin }) =>
      `Le tue licenze Microsoft sono pronte. Abbiamo creato un'organizzazione Microsoft per la tua azienda. L'account amministratore è indicato tra le credenziali; non è stato possibile consegnare la prima password. Contatta la nostra assistenza per riceverne una nuova. Poi apri il collegamento "${admin}" di questo abbonamento, aggiungi i tuoi utenti e assegna loro le licenze.`,
    'existing-tenant': ({ admin }) =>
      `Le tue licenze Microsoft sono pronte e sono state aggiunte all'organizzazione Microsoft della tua azienda. Apri il collegamento "${admin}" di questo abbonamento, accedi con il tuo account amministratore e assegna le licenze ai tuoi utenti.`,
  },
  azure: {
    ready:
      'Il tuo ambiente in Microsoft Azure è pronto. Gli indirizzi si trovano tra i collegamenti di questo abbonamento; nomi utente, password e altri dettagli tra le credenziali. Le password sono visibili solo lì: conservale in un luogo sicuro.',
    newTenant:
      "Abbiamo creato un'organizzazione Microsoft per la tua azienda. Il nome utente e la prima password dell'amministratore sono tra le credenziali; al primo accesso sceglierai una password personale.",
    access: {
      none: "L'ambiente viene gestito per te. Non è possibile aprirlo nel portale di Azure con un account della tua azienda; se ne hai bisogno, contatta la nostra assistenza.",
      reader:
        'Gli amministratori della tua organizzazione Microsoft possono vedere questo ambiente nel portale di Azure, ma non modificarlo.',
      contributor:
        'Gli amministratori della tua organizzazione Microsoft possono modificare questo ambiente nel portale di Azure. Ciò che vi aggiungono o ampliano viene addebitato alla tua azienda.',
      owner:
        'Gli amministratori della tua organizzazione Microsoft hanno il pieno controllo di questo ambiente nel portale di Azure e possono dare accesso ad altri. Ciò che vi aggiungono o ampliano viene addebitato alla tua azienda.',
    },
  },
  agreement: {
    order: agreement(
      'Manca ancora un passo da parte tua: accetta il Contratto del cliente Microsoft.',
      'Fatto questo, la consegna prosegue da sola.',
    ),
    change: agreement(
      'Microsoft chiede alla tua azienda di accettare il Contratto del cliente Microsoft prima di modificare il tuo abbonamento, anche se lo hai già accettato in passato.',
      "Fatto questo, la modifica verrà eseguita da sola; fino ad allora il tuo abbonamento resta com'è.",
    ),
    renewal: agreement(
      'Microsoft chiede alla tua azienda di accettare il Contratto del cliente Microsoft prima che il tuo abbonamento possa essere rinnovato, anche se lo hai già accettato in passato.',
      "Fatto questo, il rinnovo verrà predisposto da solo; fino ad allora il tuo abbonamento resta com'è.",
    ),
    return: agreement(
      'Microsoft chiede alla tua azienda di accettare il Contratto del cliente Microsoft prima che le tue licenze tornino utilizzabili, anche se lo hai già accettato in passato.',
      'Fatto questo, le licenze torneranno attive da sole.',
    ),
  },
  invitation: ({ invitation }) =>
    `Manca ancora un passo da parte tua: la tua organizzazione Microsoft deve accettarci come rivenditore. Chiedi a un amministratore di quell'organizzazione di aprire il collegamento "${invitation}" di questo abbonamento, di accedere e di accettare. Fatto questo, la consegna prosegue da sola. Se preferisci una nuova organizzazione, contatta la nostra assistenza.`,
  underWay:
    "Grazie, non devi fare altro: il tuo ordine è in lavorazione. Di solito bastano pochi minuti; se Microsoft deve prima verificare l'azienda, possono servire alcuni giorni. Non appena il prodotto sarà pronto, troverai qui le istruzioni per usarlo. Un collegamento che hai già usato per questo ordine non serve più.",
  nextTerm: {
    seats: ({ seats, date }) =>
      `Il tuo abbonamento proseguirà con ${licences(seats)} dal prossimo rinnovo${date && `, dopo ${day(date)}`}. Microsoft non riprende le licenze prima di allora: fino a quel momento puoi usare tutte quelle che hai adesso. Decidi per tempo quali utenti dovranno conservare la propria.`,
    plan: ({ seats, date }) =>
      `Il tuo abbonamento proseguirà con il nuovo piano e ${licences(seats)} dal prossimo rinnovo${date && `, dopo ${day(date)}`}. Microsoft non consente questa modifica prima di allora; fino a quel momento conservi il piano che hai adesso.`,
    afterTrial: ({ seats, date }) =>
      `La tua versione di valutazione resta attiva fino alla sua scadenza${date && `, ${day(date)}`}. Poi il tuo abbonamento proseguirà da solo con ${licences(seats)}; fino a quel momento puoi usare tutte quelle della versione di valutazione. Decidi per tempo quali utenti dovranno conservare la propria.`,
  },
  newTerm: {
    renewed: ({ seats, admin }) =>
      `Il tuo abbonamento è stato rinnovato con la modifica che avevi richiesto: ora comprende ${licences(seats)}. ${checkLicences(admin)}`,
    afterTrial: ({ seats, admin }) =>
      `La versione di valutazione è terminata e il tuo abbonamento prosegue: ora comprende ${licences(seats)}. ${checkLicences(admin)}`,
  },
  seatsNotPossible: ({ seats = '', min = '', max = '' }) =>
    `Non è stato possibile cambiare il numero di licenze e il tuo abbonamento resta com'è: Microsoft vende questo prodotto ${bounds(min, max)} per abbonamento e ne hai ${seats === '1' ? 'richiesta una' : `richieste ${amount(seats)}`}. Scegli un numero possibile nel marketplace; se te ne servono di più, ordina di nuovo il prodotto come abbonamento a sé.`,
  endpoints: {
    admin: 'Interfaccia di amministrazione di Microsoft 365',
    passwordReset: 'Reimposta la password',
    documentation: "Guida all'amministrazione di Microsoft 365",
    agreement: 'Accetta il Contratto del cliente Microsoft',
    invitation: 'Accettaci come rivenditore Microsoft',
    application: 'La tua applicazione',
    azureManaged: 'Microsoft Azure (gestito per te)',
    azurePortal: 'Il tuo ambiente nel portale di Azure',
  },
  credentials: {
    userName: "Nome utente dell'amministratore",
    password: 'Prima password; la cambierai al primo accesso',
    generated: 'Creata per questo ambiente; cambiala al primo utilizzo',
  },
  fields: {
    companyName: 'ragione sociale',
    email: 'indirizzo e-mail',
    firstName: 'nome',
    lastName: 'cognome',
    addressLine: 'via e numero civico',
    city: 'città',
    country: 'paese',
    postalCode: 'CAP',
    state: 'provincia o stato',
    phoneNumber: 'numero di telefono',
    registrationNumber: 'partita IVA o numero di iscrizione al registro delle imprese',
  },
  failures: {
    'customer.data-missing': ({ fields: missing = '' }: Params) =>
      `Non è ancora stato possibile completare il tuo ordine, perché Microsoft richiede dati che mancano nel tuo profilo: ${missing}. Aggiungili nel marketplace, al tuo profilo o a quello della tua azienda. La consegna proseguirà da sola; non serve ordinare di nuovo.`,
    'customer.data-refused': ({ fields: refused = '' }: Params) =>
      `Non è ancora stato possibile completare il tuo ordine, perché Microsoft non ha accettato alcuni dati del tuo profilo: ${refused}. Correggili nel marketplace, nel tuo profilo o in quello della tua azienda. La consegna proseguirà da sola; non serve ordinare di nuovo.`,
    'customer.company-required': () =>
      "Non è ancora stato possibile completare il tuo ordine, perché i prodotti Microsoft sono venduti solo alle aziende e il tuo account non ha un'azienda. Aggiungi la tua azienda al profilo nel marketplace. La consegna proseguirà da sola; non serve ordinare di nuovo.",
    'customer.tenant-of-another': () =>
      "Non è ancora stato possibile completare il tuo ordine, perché l'organizzazione Microsoft che hai indicato appartiene a un altro cliente. Contatta la nostra assistenza oppure ordina di nuovo senza indicare un'organizzazione.",
    'customer.not-allowed': () =>
      'Non è stato possibile completare il tuo ordine, perché Microsoft ha verificato la tua azienda e non le vende i suoi prodotti. La nostra assistenza ne è già informata: contattala per sapere che cosa si può fare. Prima di allora ordinare di nuovo non serve.',
    'order.quantity-invalid': ({ seats = '' }: Params) =>
      `Non è stato possibile eseguire il tuo ordine, perché ${seats ? amount(seats) : 'la quantità ordinata'} non è un numero di licenze possibile. Modifica il numero di licenze o contatta la nostra assistenza.`,
    'order.quantity-out-of-bounds': ({ seats = '', min = '', max = '' }: Params) =>
      `Non è stato possibile eseguire il tuo ordine, perché Microsoft vende questo prodotto ${bounds(min, max)} e ne hai ${seats === '1' ? 'ordinata una' : `ordinate ${amount(seats)}`}. Modifica il numero di licenze o contatta la nostra assistenza.`,
    'order.term-end-not-allowed': () =>
      'Non è stato possibile eseguire il tuo ordine, perché Microsoft non consente che le tue licenze terminino nel giorno che hai scelto. Nulla è stato acquistato. Ordina di nuovo scegliendo uno dei giorni proposti, o nessuno per una durata intera, oppure contatta la nostra assistenza.',
    'order.dns-name-taken': ({ parameter = '' }: Params) =>
      `Non è stato possibile completare il tuo ordine, perché il nome che hai scelto per "${parameter}" è già usato da altri in questa area. Contatta la nostra assistenza indicando un altro nome oppure ordina di nuovo con un altro nome.`,
    'operation.deadline': () =>
      'Non è stato possibile completare il tuo ordine, perché un problema tecnico dura da troppo tempo. Non devi fare nulla e non serve ordinare di nuovo: la nostra assistenza ne è già informata e se ne occuperà.',
    'order.parameter-invalid': (params: Params) =>
      `Non è ancora stato possibile completare il tuo ordine, a causa del valore che hai scelto per ${parameterOf(params)}: ${ruleOf(params)}. Correggilo nel marketplace o, se non puoi modificarlo, contatta la nostra assistenza. La consegna proseguirà da sola; non serve ordinare di nuovo.`,
    other: () =>
      'Non è stato possibile completare il tuo ordine. La nostra assistenza ne è già informata e se ne occuperà: contattala se hai bisogno del prodotto con urgenza.',
  },
  objections: {
    'plan.not-available': () =>
      'Al momento non è possibile ordinare questo prodotto. Riprova più tardi o contatta la nostra assistenza se ti serve presto.',
    'plan.change-not-possible': () =>
      'Microsoft non consente di passare a questo piano, né ora né al rinnovo del tuo abbonamento. Scegli un altro piano o ordina questo come abbonamento a sé.',
    'offer.not-sold': () =>
      'Microsoft non vende questo prodotto nel tuo paese con questa durata e questo periodo di fatturazione. Scegli un altro piano o contatta la nostra assistenza.',
    'order.sandbox': () => 'Per questo prodotto non si accettano ordini di prova. Effettua un ordine normale.',
    'order.seats-missing': () =>
      'Indica di quante licenze hai bisogno. Se non puoi scegliere un numero, contatta la nostra assistenza.',
    'order.quantity-invalid': ({ seats = '' }) =>
      `${amount(seats)} non è un numero di licenze possibile. Indica un numero intero, almeno 1; se te ne servono moltissime, contatta la nostra assistenza.`,
    'order.quantity-out-of-bounds': ({ seats = '', min = '', max = '' }) =>
      `Microsoft vende questo prodotto ${bounds(min, max)} e ne hai ${seats === '1' ? 'scelta una' : `scelte ${amount(seats)}`}. Modifica il numero di licenze.`,
    'order.term-end-not-allowed': () =>
      'Microsoft non consente, o non consente più, che le tue licenze terminino nel giorno che hai scelto. Scegli uno dei giorni proposti o lascia vuoto il campo per una durata intera.',
    'customer.company-required': () =>
      "I prodotti Microsoft sono venduti solo alle aziende e il tuo account non ha un'azienda. Aggiungi la tua azienda al profilo nel marketplace, poi ordina di nuovo.",
    'customer.data-missing': ({ fields: missing = '' }) =>
      `Microsoft richiede dati che mancano nel tuo profilo: ${missing}. Aggiungili nel marketplace, al tuo profilo o a quello della tua azienda, poi ordina di nuovo.`,
    'customer.data-refused': ({ fields: refused = '' }) =>
      `Microsoft non accetta alcuni dati del tuo profilo: ${refused}. Controllali nel marketplace, nel tuo profilo o in quello della tua azienda, poi ordina di nuovo.`,
    'customer.domain-unusable': () =>
      "Il nome indicato per la tua organizzazione Microsoft non si può usare. Indica da 3 a 27 lettere e cifre, con una lettera all'inizio, oppure il dominio dell'organizzazione che la tua azienda ha già.",
    'customer.domain-taken': ({ name = '', free = '' }) =>
      `Il nome "${name}" che hai indicato per la tua organizzazione Microsoft è già in uso. Scegline un altro${free && `, per esempio "${free}"`}.`,
    'customer.tenant-of-another': () =>
      "L'organizzazione Microsoft che hai indicato appartiene a un altro cliente. Indica il dominio della tua azienda o un nome nuovo.",
    'trial.used': () =>
      'La tua azienda ha già avuto questa versione di valutazione oppure possiede il prodotto. Microsoft concede ogni versione di valutazione una sola volta: ordina direttamente il prodotto.',
    'trial.seats-fixed': () =>
      'Il numero di licenze di una versione di valutazione è fissato da Microsoft e non si può cambiare. Se ti servono più licenze, ordina direttamente il prodotto.',
    'order.parameter-invalid': (params) => `Controlla il valore di ${parameterOf(params)}: ${ruleOf(params)}.`,
  },
  choices: {
    existingOrganisation: 'la tua organizzazione Microsoft esistente',
    sharedTermEnd: ({ date }) => `${date}, insieme a licenze che hai già`,
    monthlyTermEnd: ({ date }) => `${date}, a fine mese`,
  },
  parameterFlaws,
};

function agreement(why: string, outcome: string): (links: Links) => string {
  return ({ agreement: link }) =>
    `${why} Apri il collegamento "${link}" di questo abbonamento, leggi il contratto e accettalo a nome della tua azienda. ${outcome} Il collegamento vale per qualche giorno; se scade, qui ne troverai uno nuovo.`;
}

function checkLicences(admin: string): string {
  return `Verifica dal collegamento "${admin}" di questo abbonamento che chi ha bisogno di una licenza ne abbia una.`;
}

function licences(seats: number): string {
  return seats === 1 ? 'una licenza' : `${amount(seats)} licenze`;
}

/** `1000,5`. */
function amount(number: number | string): string {
  return new Intl.NumberFormat('it').format(Number(number));
}

/** `con un numero di licenze da 1 a 300`, `solo con 25 licenze`, o `con almeno 5 licenze`. */
function bounds(min: string, max: string): string {
  if (!max) return `con almeno ${licences(Number(min))}`;
  return min === max
    ? `solo con ${licences(Number(min))}`
    : `con un numero di licenze da ${amount(min)} a ${amount(max)}`;
}

/** A date with its article: `il 31 agosto 2027`, `l'8 ottobre 2027`, `il 1º marzo 2027`. */
function day(date: string): string {
  if (/^(8|11) /.test(date)) return `l'${date}`;
  return `il ${date.replace(/^1 /, '1º ')}`;
}

/** `da 1 a 300`, `8`, `almeno 5` o `al massimo 20`. */
function limits(min: string, max: string): string {
  if (!max) return `almeno ${min}`;
  if (!min) return `al massimo ${max}`;
  return min === max ? min : `da ${min} a ${max}`;
}

/** `da 1 a 300`, `da 5 in su` o `fino a 20`. */
function inRange(min: string, max: string): string {
  if (!max) return `da ${min} in su`;
  return min ? `da ${min} a ${max}` : `fino a ${max}`;
}

function parameterOf({ parameter = '' }: Params): string {
  return parameter ? `"${parameter}"` : 'la configurazione del prodotto';
}

function ruleOf(params: Params): string {
  const { reason = '' } = params;
  return Object.hasOwn(parameterFlaws, reason)
    ? parameterFlaws[reason as ParameterFlaw](params)
    : 'non si può usare per questo prodotto';
}
