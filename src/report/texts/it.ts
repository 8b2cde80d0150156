import type { Params, Texts } from './texts.ts';

export const it: Texts = {
  license: {
    'new-tenant':
      "Le tue licenze Microsoft sono pronte. Abbiamo creato un'organizzazione Microsoft per la tua azienda. Apri l'interfaccia di amministrazione di Microsoft 365 dai collegamenti di questo abbonamento e accedi con il nome utente e la password indicati tra le credenziali. Al primo accesso sceglierai una password personale. Poi aggiungi i tuoi utenti e assegna loro le licenze.",
    'password-lost':
      "Le tue licenze Microsoft sono pronte. Abbiamo creato un'organizzazione Microsoft per la tua azienda. L'account amministratore è indicato tra le credenziali; non è stato possibile consegnare la prima password. Contatta la nostra assistenza per riceverne una nuova. Poi apri l'interfaccia di amministrazione di Microsoft 365 dai collegamenti di questo abbonamento, aggiungi i tuoi utenti e assegna loro le licenze.",
    'existing-tenant':
      "Le tue licenze Microsoft sono pronte e sono state aggiunte all'organizzazione Microsoft della tua azienda. Apri l'interfaccia di amministrazione di Microsoft 365 dai collegamenti di questo abbonamento, accedi con il tuo account amministratore e assegna le licenze ai tuoi utenti.",
  },
  agreement:
    'Manca ancora un passo da parte tua: accetta il Contratto del cliente Microsoft. Apri il collegamento "Accetta il Contratto del cliente Microsoft" di questo abbonamento, leggi il contratto e accettalo a nome della tua azienda. Subito dopo la consegna prosegue da sola. Il collegamento vale per qualche giorno; se scade, qui ne troverai uno nuovo.',
  invitation:
    'Manca ancora un passo da parte tua: la tua organizzazione Microsoft deve accettarci come rivenditore. Chiedi a un amministratore di quell\'organizzazione di aprire il collegamento "Accettaci come rivenditore Microsoft" di questo abbonamento, accedere e accettare. Subito dopo la consegna prosegue da sola. Se preferisci una nuova organizzazione, contatta la nostra assistenza.',
  notices: {
    seatsAtRenewal: ({ seats, date }) =>
      `Il tuo abbonamento proseguirà con ${seats} licenze dal prossimo rinnovo${date && `, dopo il ${date}`}. Microsoft non riprende le licenze prima di allora: fino a quel momento puoi usare tutte quelle che hai adesso.`,
    renewed: ({ seats }) =>
      `Il tuo abbonamento è stato rinnovato con la modifica che avevi richiesto: ora comprende ${seats === '1' ? 'una licenza' : `${seats} licenze`}. Verifica nell'interfaccia di amministrazione di Microsoft 365, che raggiungi dai link di questo abbonamento, che chi ha bisogno di una licenza ne abbia una.`,
    planAtRenewal: ({ date }) =>
      `Il tuo nuovo piano varrà dal prossimo rinnovo dell'abbonamento${date && `, dopo il ${date}`}. Microsoft non consente questa modifica prima di allora; fino a quel momento tutto resta com'è.`,
  },
  endpoints: {
    admin: 'Interfaccia di amministrazione di Microsoft 365',
    passwordReset: 'Reimposta la password',
    documentation: "Guida all'amministrazione di Microsoft 365",
    agreement: 'Accetta il Contratto del cliente Microsoft',
    invitation: 'Accettaci come rivenditore Microsoft',
  },
  credentials: {
    userName: "Nome utente dell'amministratore",
    password: 'Prima password; la cambierai al primo accesso',
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
    state: 'provincia',
    phoneNumber: 'numero di telefono',
    registrationNumber: 'partita IVA o numero di registrazione',
  },
  failures: {
    'customer.data-missing': ({ fields: missing = '' }: Params) =>
      `Non è ancora possibile completare il tuo ordine, perché Microsoft richiede dati che mancano nel tuo profilo: ${missing}. Aggiungili al profilo aziendale nel marketplace. La consegna proseguirà da sola; non serve ordinare di nuovo.`,
    'customer.data-refused': ({ fields: refused = '' }: Params) =>
      `Non è ancora possibile completare il tuo ordine, perché Microsoft non ha accettato alcuni dati del tuo profilo: ${refused}. Correggili nel profilo aziendale nel marketplace. La consegna proseguirà da sola; non serve ordinare di nuovo.`,
    'customer.company-required': () =>
      "Non è ancora possibile completare il tuo ordine, perché i prodotti Microsoft sono venduti solo alle aziende e il tuo account non ha un'azienda. Aggiungi la tua azienda al profilo nel marketplace. La consegna proseguirà da sola; non serve ordinare di nuovo.",
    'customer.tenant-of-another': () =>
      "Non è ancora possibile completare il tuo ordine, perché l'organizzazione Microsoft che hai indicato appartiene a un altro cliente. Contatta la nostra assistenza oppure ordina di nuovo senza indicare un'organizzazione.",
    'order.quantity-invalid': ({ seats = '' }: Params) =>
      `Non è stato possibile eseguire il tuo ordine, perché ${seats || 'la quantità ordinata'} non è un numero di licenze possibile. Modifica il numero di licenze o contatta la nostra assistenza.`,
    'order.quantity-out-of-bounds': ({ seats = '', min = '', max = '' }: Params) =>
      `Non è stato possibile eseguire il tuo ordine, perché Microsoft vende questo prodotto in quantità ${bounds(min, max)} e ne hai ordinate ${seats}. Modifica il numero di licenze o contatta la nostra assistenza.`,
    'order.term-end-not-allowed': () =>
      'Non è stato possibile eseguire il tuo ordine, perché Microsoft non consente che le tue licenze terminino nel giorno che hai scelto. Nulla è stato acquistato. Ordina di nuovo scegliendo uno dei giorni proposti, o nessuno per una durata intera, oppure contatta la nostra assistenza.',
    'operation.deadline': () =>
      'Non è stato possibile completare il tuo ordine, perché Microsoft non è raggiungibile da troppo tempo. Non devi fare nulla: la nostra assistenza è stata informata e se ne occuperà. Nulla è stato ordinato due volte.',
    other: () =>
      'Non è stato possibile completare il tuo ordine. La nostra assistenza è stata informata e se ne occuperà. Contatta la nostra assistenza se hai bisogno del prodotto con urgenza.',
  },
  objections: {
    'plan.not-available': () =>
      'Al momento non è possibile ordinare questo prodotto. Riprova più tardi o contatta la nostra assistenza se ti serve presto.',
    'plan.change-not-possible': () =>
      'Microsoft non consente di passare a questo piano, né ora né al rinnovo del tuo abbonamento. Scegli un altro piano o ordina questo come abbonamento a sé.',
    'offer.not-sold': () =>
      'Microsoft non vende questo prodotto nel tuo paese con questa durata e questo periodo di fatturazione. Scegli un altro piano o contatta la nostra assistenza.',
    'order.sandbox': () => 'Per questo prodotto non si accettano ordini di test. Effettua un ordine normale.',
    'order.seats-missing': () =>
      'Indica di quante licenze hai bisogno. Se non puoi scegliere un numero, contatta la nostra assistenza.',
    'order.quantity-invalid': ({ seats = '' }) =>
      `${seats} non è un numero di licenze possibile. Indica un numero intero, almeno 1; per moltissime licenze contatta la nostra assistenza.`,
    'order.quantity-out-of-bounds': ({ seats = '', min = '', max = '' }) =>
      `Microsoft vende questo prodotto in quantità ${bounds(min, max)} e hai scelto ${seats} licenze. Modifica il numero di licenze.`,
    'order.term-end-not-allowed': () =>
      'Microsoft non consente, o non consente più, che le tue licenze terminino nel giorno che hai scelto. Scegli uno dei giorni proposti o lascia vuoto il campo per una durata intera.',
    'customer.company-required': () =>
      "I prodotti Microsoft sono venduti solo alle aziende e il tuo account non ha un'azienda. Aggiungi la tua azienda al profilo nel marketplace, poi ordina di nuovo.",
    'customer.data-missing': ({ fields: missing = '' }) =>
      `Microsoft richiede dati che mancano nel tuo profilo: ${missing}. Aggiungili al profilo aziendale nel marketplace, poi ordina di nuovo.`,
    'customer.data-refused': ({ fields: refused = '' }) =>
      `Microsoft non accetta alcuni dati del tuo profilo: ${refused}. Controllali nel profilo aziendale nel marketplace, poi ordina di nuovo.`,
    'customer.domain-unusable': () =>
      "Il nome indicato per la tua organizzazione Microsoft non si può usare. Indica da 3 a 27 lettere e cifre, con una lettera all'inizio, oppure il dominio dell'organizzazione che la tua azienda ha già.",
    'customer.tenant-of-another': () =>
      "L'organizzazione Microsoft che hai indicato appartiene a un altro cliente. Indica il dominio della tua azienda o un nome nuovo.",
    'trial.used': () =>
      'La tua azienda ha già avuto questa prova o possiede già il prodotto. Microsoft concede ogni prova una sola volta: ordina il prodotto.',
  },
  choices: {
    existingOrganisation: 'la tua organizzazione Microsoft esistente',
    sharedTermEnd: ({ date }) => `${date}, insieme a licenze che hai già`,
    monthlyTermEnd: ({ date }) => `${date}, a fine mese`,
  },
};

/** `da 1 a 300`, o `da 5 in su`. */
function bounds(min: string, max: string): string {
  return max ? `da ${min} a ${max}` : `da ${min} in su`;
}
