"""The words of a package's page and of letters in German, by their English."""

from __future__ import annotations

WORDS = {
    "Your data": "Ihre Daten",
    "Your data, to take with you": "Ihre Daten zum Mitnehmen",
    "What we found": "Was wir gefunden haben",
    "You asked what data is held about you.": "Sie haben gefragt, welche Daten über Sie "
    "gespeichert sind.",
    "You asked for the data you provided, in a form you can take elsewhere.": "Sie haben um die "
    "Daten gebeten, die "
    "Sie bereitgestellt "
    "haben, in einer "
    "Form, die Sie"
    " anderswohin mitnehmen können.",
    "Who answers: {name}.": "Es antwortet: {name}.",
    "This is the answer to your request {id}, made on {when}. It holds personal data, so"
    " please keep it where only you can read it.": "Dies ist die Antwort auf Ihre Anfrage {id} vom "
    "{when}. Sie enthält personenbezogene"
    " Daten; bitte bewahren Sie sie so auf, dass nur Sie sie lesen können.",
    "We hold no records that are about you, as far as what you gave us tells.": "Nach dem, was Sie "
    "uns genannt haben, "
    "haben wir keine "
    "Daten über Sie.",
    "conversation of yours": "Gespräch von Ihnen",
    "conversations of yours": "Gespräche von Ihnen",
    "What was said and written, when, and what we noted with it.": "Was gesagt und geschrieben "
    "wurde, wann, und was wir dazu "
    "vermerkt haben.",
    "conversation": "Gespräch",
    "conversations": "Gespräche",
    "You took part as a member of staff. What is about our customers is left "
    "out.": "An ihnen haben Sie "
    "als Mitarbeiterin "
    "oder Mitarbeiter "
    "teilgenommen. Was "
    "unsere"
    " Kundschaft betrifft, ist weggelassen.",
    "conversation of others": "Gespräch anderer",
    "conversations of others": "Gespräche anderer",
    "You are mentioned in it. We may only tell you that, and when it was.": "Sie werden darin "
    "erwähnt. Wir dürfen "
    "Ihnen nur das sagen, "
    "und wann es war.",
    "change": "Änderung",
    "changes": "Änderungen",
    "What was changed in records or settings that concern you.": "Was an Einträgen oder "
    "Einstellungen geändert wurde, "
    "die Sie betreffen.",
    "redaction": "Schwärzung",
    "redactions": "Schwärzungen",
    "What was taken out of your conversations when they "
    "were stored, and by which rule.": "Was aus Ihren "
    "Gesprächen entfernt "
    "wurde, als sie "
    "gespeichert wurden, "
    "und nach"
    " welcher Regel.",
    "recording": "Aufnahme",
    "recordings": "Aufnahmen",
    "Of your calls; you can listen to them below. Personal words in them are covered by"
    " silence or a tone.": "Von Ihren Anrufen; Sie können sie unten anhören. Persönliche Worte "
    "darin sind durch"
    " Stille oder einen Ton verdeckt.",
    "Kinds of data in it:": "Arten von Daten darin:",
    "How to open the files": "Wie Sie die Dateien öffnen",
    "Unpack the package first: on most computers a double click does, in Windows a right"
    " click and “Extract all”. Then open README.html again, which is this "
    "page.": "Entpacken Sie das "
    "Paket zuerst: auf "
    "den meisten "
    "Computern mit einem "
    "Doppelklick,"
    " unter Windows mit einem Rechtsklick und „Alle extrahieren“. Öffnen Sie dann"
    " README.html erneut, also diese Seite.",
    "The same data lies in the folder data: the files that end in .csv open in a"
    " spreadsheet; .json and .parquet hold the same for programs.": "Dieselben Daten liegen im "
    "Ordner data: Dateien, die auf "
    ".csv enden, öffnet eine"
    " Tabellenkalkulation; .json und .parquet enthalten dasselbe für Programme.",
    "Recordings lie in the folder recordings and play in any music player.": "Aufnahmen liegen im "
    "Ordner recordings; "
    "jedes Musikprogramm "
    "spielt sie ab.",
    "To take your data to another service, give it the files in data; those in schema"
    " tell its programs what each field means (JSON Schema).": "Um Ihre Daten zu einem anderen "
    "Dienst mitzunehmen, geben Sie ihm "
    "die Dateien in"
    " data; jene in schema sagen seinen Programmen, was jedes Feld bedeutet (JSON"
    " Schema).",
    "For those who want to check: manifest.json lists every file with its SHA-256;"
    " withheld.json and context.json hold for programs what this page says about what is"
    " not here and about your rights.": "Wer prüfen will: manifest.json führt jede Datei mit ihrem "
    "SHA-256 auf; withheld.json"
    " und context.json enthalten für Programme, was diese Seite über Fehlendes und über"
    " Ihre Rechte sagt.",
    "Your conversations": "Ihre Gespräche",
    "What you did as staff": "Was Sie als Mitarbeiterin oder Mitarbeiter getan haben",
    "Where you are mentioned": "Wo Sie erwähnt werden",
    "Changes that concern you": "Änderungen, die Sie betreffen",
    "What was redacted in your conversations": "Was in Ihren Gesprächen geschwärzt wurde",
    "Other recordings": "Weitere Aufnahmen",
    "Here are the first {n} of {all}; the files hold all.": "Hier stehen die ersten {n} von {all}; "
    "die Dateien enthalten alle.",
    "Call": "Anruf",
    "Text message": "Textnachricht",
    "Chat": "Chat",
    "Form": "Formular",
    "Record": "Eintrag",
    "{kind} of {when}": "{kind} vom {when}",
    "with its recording": "mit Aufnahme",
    "What was said": "Was gesagt wurde",
    "What was written": "Was geschrieben wurde",
    "What is noted with it": "Was dazu vermerkt ist",
    "You": "Sie",
    "The company": "Das Unternehmen",
    "(nothing)": "(nichts)",
    "All of it is covered, since nothing told what is said in it.": "Sie ist ganz verdeckt, da "
    "nichts sagte, was darin "
    "gesprochen wird.",
    "Covered in {n} places.": "An {n} Stellen verdeckt.",
    "Nothing in it is covered.": "Nichts darin ist verdeckt.",
    "What is not in it, and why": "Was nicht darin ist, und warum",
    "Nothing was left out.": "Es wurde nichts weggelassen.",
    "From {where}, {times}: {why}.": "Aus: {where}, {times}: {why}.",
    "{n} time": "{n} Mal",
    "{n} times": "{n} Mal",
    "Words in square brackets stand where something was taken out: [withheld: …] for this"
    " package, the others when the conversation was stored.": "Wörter in eckigen Klammern stehen, "
    "wo etwas entfernt wurde: [withheld: "
    "…] für dieses"
    " Paket, die anderen, als das Gespräch gespeichert wurde.",
    "your conversations": "Ihren Gesprächen",
    "what you did as staff": "Ihrer Arbeit",
    "the recordings": "den Aufnahmen",
    "what could not be read when it came in": "Eingängen, die nicht gelesen werden konnten",
    "messages as they came in": "Nachrichten, wie sie eingingen",
    "recordings as they came in": "Aufnahmen, wie sie eingingen",
    "it tells who somebody else is, or may: nothing we hold shows that it is yours (Art."
    " 15(4))": "es sagt oder könnte sagen, wer jemand anderes ist; nichts, was wir haben, zeigt,"
    " dass es Ihres ist (Art. 15 Abs. 4)",
    "card data, passwords and the like are not sent in a "
    "package, for your protection": "Kartendaten, "
    "Passwörter und "
    "Ähnliches werden zu "
    "Ihrem Schutz nicht "
    "in einem Paket"
    " verschickt",
    "it tells who of the staff took part, which is their own data (Art. 15(4))": "es sagt, wer vom "
    "Personal beteiligt "
    "war; das sind deren "
    "eigene Daten (Art. "
    "15 Abs."
    " 4)",
    "you are mentioned in it; the rest of the conversation is other people's data (Art."
    " 15(4))": "Sie werden darin erwähnt; das übrige Gespräch sind Daten anderer (Art. 15 Abs. 4)",
    "it is the data of the customer you dealt with (Art. 15(4))": "es sind Daten der Person, mit "
    "der Sie zu tun hatten (Art. 15 "
    "Abs. 4)",
    "it is a link inside the company's systems; recordings that can be given are in the"
    " package": "es ist ein Verweis innerhalb der Systeme des Unternehmens; Aufnahmen, die"
    " herausgegeben werden können, sind im Paket",
    "it could not be shown to be free of other people's data": "es ließ sich nicht zeigen, dass es "
    "frei von Daten anderer ist",
    "it lies encrypted in the form in which it came in, with other people's data; what"
    " could be read of it is in the package": "es liegt verschlüsselt so vor, wie es einging, mit "
    "Daten anderer; was davon gelesen"
    " werden konnte, ist im Paket",
    "it was redacted when it was stored, and this package "
    "was made from what is stored": "es wurde beim "
    "Speichern "
    "geschwärzt, und "
    "dieses Paket wurde "
    "aus dem Gespeicherten"
    " erstellt",
    "stretches of the recordings in which something personal is said, by you or by"
    " others, are covered": "Stellen der Aufnahmen, an denen Sie oder andere etwas Persönliches "
    "sagen, sind"
    " verdeckt",
    "the recording is covered from beginning to end, since nothing told what is said in"
    " it": "die Aufnahme ist ganz verdeckt, da nichts sagte, was darin gesprochen wird",
    "About your data": "Über Ihre Daten",
    "How long, by the rules our systems follow": "Wie lange, nach den Regeln unserer Systeme",
    "Your rights": "Ihre Rechte",
    "You have the right": "Sie haben das Recht",
    "Whom to ask": "An wen Sie sich wenden",
    "The articles are those of the General Data Protection Regulation (GDPR).": "Die Artikel sind "
    "die der "
    "Datenschutz-Grundverordnung (DSGVO).",
    "Not stated in this package. You can ask for it.": "In diesem Paket nicht angegeben. Sie "
    "können danach fragen.",
    "to have wrong data put right (Art. 16)": "falsche Daten berichtigen zu lassen (Art. 16)",
    "to have data erased (Art. 17)": "Daten löschen zu lassen (Art. 17)",
    "to have its use restricted (Art. 18)": "die Verarbeitung einschränken zu lassen (Art. 18)",
    "to receive what you provided in a form machines read (Art. 20)": "zu erhalten, was Sie "
    "bereitgestellt haben, in "
    "maschinenlesbarer Form "
    "(Art. 20)",
    "to object to its use (Art. 21)": "der Verarbeitung zu widersprechen (Art. 21)",
    "to complain to a supervisory authority (Art. 77)": "sich bei einer Aufsichtsbehörde zu "
    "beschweren (Art. 77)",
    "What we use it for": "Wofür wir sie verwenden",
    "Why we may": "Warum wir das dürfen",
    "Where we have it from": "Woher wir sie haben",
    "Who receives it": "Wer sie erhält",
    "Countries outside the EEA or UK it goes to": "Länder außerhalb von EWR und Vereinigtem "
    "Königreich",
    "What protects it there": "Was sie dort schützt",
    "How long we keep it": "Wie lange wir sie behalten",
    "Decisions made by machines alone": "Entscheidungen, die allein Maschinen treffen",
    "Who is responsible": "Verantwortlicher",
    "Where to write": "Wohin Sie schreiben können",
    "Data protection officer": "Datenschutzbeauftragte Person",
    "Supervisory authority": "Aufsichtsbehörde",
    "who you are and how to reach you: name, numbers, e-mail, address": "wer Sie sind und wie Sie "
    "erreichbar sind: Name, "
    "Nummern, E-Mail, "
    "Anschrift",
    "what was said and written: transcripts, messages, forms, notes": "was gesagt und geschrieben "
    "wurde: Mitschriften, "
    "Nachrichten, Formulare, "
    "Notizen",
    "when, how long and through which number": "wann, wie lange und über welche Nummer",
    "your visit to the website: page, search, advertisement and device ids": "Ihr Besuch der "
    "Website: Seite, "
    "Suche, Werbung und "
    "Gerätekennungen",
    "what you did as a member of staff": "was Sie als Mitarbeiterin oder Mitarbeiter getan haben",
    "changes to records and settings that concern you": "Änderungen an Einträgen und "
    "Einstellungen, die Sie betreffen",
    "recordings, with what was redacted covered": "Aufnahmen, in denen Geschwärztes verdeckt ist",
    "what was found and redacted in your records, and why": "was in Ihren Einträgen gefunden und "
    "geschwärzt wurde, und warum",
    "conversations of others in which you are mentioned": "Gespräche anderer, in denen Sie erwähnt "
    "werden",
    "Direction": "Richtung",
    "Language": "Sprache",
    "Length": "Länge",
    "Further fields": "Weitere Felder",
    "Number that was called": "Angerufene Nummer",
    "Label of that number": "Bezeichnung dieser Nummer",
    "What led to it": "Was dazu führte",
    "Number that rang": "Nummer, bei der es klingelte",
    "First contact": "Erster Kontakt",
    "incoming": "eingehend",
    "outgoing": "ausgehend",
    "mentioned in": "erwähnt in",
    "what was said or written": "was gesagt oder geschrieben wurde",
    "yes": "ja",
    "no": "nein",
    "an unknown time": "unbekannte Zeit",
    "{text}… (all of it is in the files)": "{text}… (alles steht in den Dateien)",
    "{n} minute": "{n} Minute",
    "{n} minutes": "{n} Minuten",
    "{n} second": "{n} Sekunde",
    "{n} seconds": "{n} Sekunden",
    "January": "Januar",
    "February": "Februar",
    "March": "März",
    "April": "April",
    "May": "Mai",
    "June": "Juni",
    "July": "Juli",
    "August": "August",
    "September": "September",
    "October": "Oktober",
    "November": "November",
    "December": "Dezember",
    "{day} {month} {year}, {time} ({zone})": "{day}. {month} {year}, {time} Uhr ({zone})",
    "Your name": "Ihr Name",
    "Your e-mail": "Ihre E-Mail",
    "Your number": "Ihre Nummer",
    "Form as filled in": "Formular, wie ausgefüllt",
    "Status": "Status",
    "name of a person, or a part of one": "Name einer Person oder ein Teil davon",
    "e-mail address": "E-Mail-Adresse",
    "telephone number, written or spoken": "Telefonnummer, geschrieben oder gesprochen",
    "identifier of an employee": "Kennung einer Mitarbeiterin oder eines Mitarbeiters",
    "street address": "Anschrift",
    # labels of fields
    "Talk time": "Gesprächszeit",
    "Ring time": "Klingelzeit",
    "Hold time": "Haltezeit",
    "Wait time": "Wartezeit",
    "Call status": "Status des Anrufs",
    "Dial status": "Status der Anwahl",
    "Status of the chat": "Status des Chats",
    "Type of the chat": "Art des Chats",
    "Tracking number dialled (the company's own)": "Gewählte Nummer (des Unternehmens)",
    "Number that rang (the company's own)": "Nummer, bei der es klingelte (des Unternehmens)",
    "Label of the business number": "Bezeichnung der Unternehmensnummer",
    "Tracking source id": "Kennung der Quelle",
    "Tag of the tracking source": "Schlagwort der Quelle",
    "Tracking number id": "Kennung der gewählten Nummer",
    "Target group id": "Kennung der Zielgruppe",
    "Amount billed": "Berechneter Betrag",
    "When it was billed": "Wann es berechnet wurde",
    "Routes the call took": "Wege des Anrufs",
    "Transfers": "Weiterleitungen",
    "Legs": "Abschnitte des Anrufs",
    "Calls back": "Rückrufe",
    "Keys pressed in menus": "Tasten, die in Menüs gedrückt wurden",
    "Caller name as the carrier gave it": "Name des Anschlusses laut Netzbetreiber",
    "Another number of yours": "Eine weitere Nummer von Ihnen",
    "Your e-mails": "Ihre E-Mails",
    "Your street address": "Ihre Anschrift",
    "Your city": "Ihr Ort",
    "Your state or region": "Ihr Bundesland oder Ihre Region",
    "Your country": "Ihr Land",
    "Your postcode": "Ihre Postleitzahl",
    "Your latitude, degrees": "Ihr Breitengrad",
    "Your longitude, degrees": "Ihr Längengrad",
    "Your latitude and longitude, degrees": "Ihr Breiten- und Längengrad",
    "Bought data about the contact": "Zugekaufte Daten über Sie",
    "Bought data about your number": "Zugekaufte Daten über Ihre Nummer",
    "Data about the contact was bought": "Es wurden Daten über Sie zugekauft",
    "Summary": "Zusammenfassung",
    "The platform's analysis of the conversation": "Auswertung des Gesprächs durch die Plattform",
    "Words the platform looked for in the conversation": "Wörter, nach denen die Plattform im "
    "Gespräch gesucht hat",
    "Notes of staff": "Notizen des Personals",
    "Fields the account defined": "Eigene Felder des Unternehmens",
    "Tags": "Schlagwörter",
    "Linked CRM record": "Verknüpfter CRM-Eintrag",
    "Sale: score, value, notes, who sold": "Verkauf: Bewertung, Wert, Notizen, wer verkauft hat",
    "Your address": "Ihre Internetadresse",
    "Your id": "Ihre Kennung",
    "Search words": "Suchwörter",
    "Page they came from": "Seite, von der Sie kamen",
    "Page they called from": "Seite, von der Sie anriefen",
    "Last page": "Letzte Seite",
    "Web source": "Quelle im Web",
    "Medium": "Medium",
    "Campaign": "Kampagne",
    "Keyword": "Suchbegriff",
    "Ad click id": "Kennung des Anzeigenklicks",
    "Analytics id": "Analysekennung",
    "Ad id": "Anzeigenkennung",
    "Ad click ids of the visit": "Kennungen der Anzeigenklicks des Besuchs",
    "Analytics ids of the visit": "Analysekennungen des Besuchs",
    "The web visit": "Der Besuch der Website",
    "A web visit was matched": "Ein Besuch der Website wurde zugeordnet",
    "Earlier touchpoints": "Frühere Berührungspunkte",
    "First source": "Erste Quelle",
    "Last source": "Letzte Quelle",
    "The paid source: campaign, medium, keyword, advertisement": "Bezahlte Quelle: Kampagne, "
    "Medium, Suchbegriff, Anzeige",
    "How the keyword matched": "Wie der Suchbegriff passte",
    "Advertisement": "Anzeige",
    "Place of the advertisement": "Platz der Anzeige",
    "Network of the advertisement": "Netzwerk der Anzeige",
    "Format of the advertisement": "Format der Anzeige",
    "How the advertisement was aimed": "Wie die Anzeige ausgerichtet war",
    "Your browser": "Ihr Browser",
    "Your system": "Ihr System",
    "Your device": "Ihr Gerät",
    "Interaction this one belongs to": "Vorgang, zu dem dieser gehört",
    "The company's own name": "Name des Unternehmens",
    "Left talk time": "Gesprächszeit der einen Seite",
    "Right talk time": "Gesprächszeit der anderen Seite",
    "Bounds of the duration": "Grenzen der Dauer",
    "Rate centre of the tracking number": "Tarifgebiet der gewählten Nummer",
    "Likelihood that the source is right": "Wie sicher die Quelle ist",
    "Agent insights are on": "Auswertung der Gesprächsführung ist eingeschaltet",
    "Left out of reports": "Aus Berichten ausgelassen",
    "The recording lies in a bucket of the company's own": "Die Aufnahme liegt in einem Speicher "
    "des Unternehmens",
    "The contact hides the number": "Ihre Nummer war unterdrückt",
    "A message was left": "Es wurde eine Nachricht hinterlassen",
    "Whether, and how surely, it is spam": "Ob und wie sicher es Spam ist",
    "When the platform indexed it, seconds since 1970": "Wann die Plattform es verzeichnet hat, "
    "Sekunden seit 1970",
    "When it began, as the platform's reports give it": "Beginn laut den Berichten der Plattform",
    "Day of the week": "Wochentag",
    "Month": "Monat",
    "Hour of the day": "Stunde",
    "Why a text was not delivered": "Warum eine Nachricht nicht zugestellt wurde",
    # values
    "answered": "beantwortet",
    "completed": "abgeschlossen",
    "received": "eingegangen",
    "missed": "verpasst",
    "busy": "besetzt",
    "no answer": "keine Antwort",
    "failed": "fehlgeschlagen",
    "canceled": "abgebrochen",
    "abandoned": "aufgelegt",
    "voicemail": "Nachricht hinterlassen",
    "in progress": "läuft",
    "delivered": "zugestellt",
    "sent": "gesendet",
    "English": "Englisch",
    "German": "Deutsch",
    "Spanish": "Spanisch",
    "French": "Französisch",
    # retention
    "{what}: deleted after {n} days": "{what}: gelöscht nach {n} Tagen",
    "{what}: cleared of everything personal after {n} days": "{what}: von allem Persönlichen "
    "befreit nach {n} Tagen",
    "{what}: kept for at least {n} days": "{what}: mindestens {n} Tage aufbewahrt",
    "from the end of the account they belong to": "nach dem Ende des Kontos, zu dem sie gehören",
    "of {who} accounts": "von Konten der Art {who}",
    "individual": "Einzelkonto",
    "agency": "Agentur",
    "and": "und",
    "changes to records and settings": "Änderungen an Einträgen und Einstellungen",
    "notes of what was redacted": "Vermerke über Geschwärztes",
    "transcripts": "Mitschriften",
    "records that could not be read": "Einträge, die nicht gelesen werden konnten",
    "records as they came in": "Einträge, wie sie eingingen",
    "reports": "Berichte",
    # what was taken out
    "withheld": "zurückgehalten",
    "telephone number": "Telefonnummer",
    "name": "Name",
    "payment card number": "Kartennummer",
    "card verification code": "Kartenprüfnummer",
    "expiry date of a payment card": "Ablaufdatum einer Karte",
    "internet address": "Internetadresse",
    "web address": "Webadresse",
    "date of birth": "Geburtsdatum",
    "age of a person": "Alter",
    "place": "Ort",
    "postcode": "Postleitzahl",
    "company or other body": "Unternehmen oder andere Stelle",
    "customer or account number": "Kunden- oder Kontonummer",
    "order or invoice number": "Bestell- oder Rechnungsnummer",
    "booking or reservation code": "Buchungscode",
    "user name": "Benutzername",
    "password": "Passwort",
    "vehicle registration plate": "Kfz-Kennzeichen",
    "date or time other than a date of birth": "Datum oder Uhrzeit",
    "amount of money": "Geldbetrag",
    "international bank account number": "IBAN",
    "bank account or routing number": "Bankverbindung",
    "personal identification number or one-time code": "PIN oder Einmalcode",
    "medical record or health plan number": "Kranken- oder Versichertennummer",
    # letters
    "access to your personal data (Article 15)": "Auskunft über Ihre personenbezogenen Daten "
    "(Artikel 15 DSGVO)",
    "a portable copy of your personal data (Article 20)": "Übertragung Ihrer personenbezogenen "
    "Daten (Artikel 20 DSGVO)",
    "erasure of your personal data (Article 17)": "Löschung Ihrer personenbezogenen Daten (Artikel "
    "17 DSGVO)",
    "restriction of processing (Article 18)": "Einschränkung der Verarbeitung (Artikel 18 DSGVO)",
    "objection to processing (Article 21)": "Widerspruch gegen die Verarbeitung (Artikel 21 DSGVO)",
    "rectification of your personal data (Article 16)": "Berichtigung Ihrer personenbezogenen "
    "Daten (Artikel 16 DSGVO)",
    "You have the right to lodge a complaint with a data protection supervisory authority, in "
    "particular"
    " where you live or work or where you think the law was infringed (Article 77), and the right "
    "to a"
    " judicial remedy (Article 79).": "Sie haben das Recht, sich bei einer "
    "Datenschutz-Aufsichtsbehörde zu beschweren, insbesondere "
    "dort,"
    " wo Sie leben oder arbeiten oder wo Ihrer Ansicht nach gegen das Recht verstoßen wurde "
    "(Artikel 77"
    " DSGVO), und das Recht auf einen gerichtlichen Rechtsbehelf (Artikel 79 DSGVO).",
    "Reference": "Zeichen",
    "Date": "Datum",
    "To:": "An:",
    "for the controller": "für den Verantwortlichen",
    "We have received your request": "Wir haben Ihren Antrag erhalten",
    "On {received} we received your request for {right}.": "Am {received} haben wir Ihren Antrag "
    "erhalten: {right}.",
    "We will answer by {day} at the latest. If we need more information to be sure who you are, we "
    "will ask"
    " you.": "Wir antworten spätestens am {day}. Wenn wir mehr brauchen, um sicher zu sein, wer "
    "Sie sind, fragen"
    " wir Sie.",
    "We need more time for your request": "Wir brauchen mehr Zeit für Ihren Antrag",
    "Your request for {right} of {received} would have been due on {day}.": "Ihr Antrag vom "
    "{received} ({right}) "
    "wäre bis {day} zu "
    "beantworten gewesen.",
    "We extend this time to {day} (Article 12(3)). The reason: {reason}.": "Wir verlängern diese "
    "Frist bis {day} "
    "(Artikel 12 Absatz 3 "
    "DSGVO). Der Grund: "
    "{reason}.",
    "see our separate explanation": "siehe unsere gesonderte Erklärung",
    "Your request is granted": "Ihrem Antrag wird entsprochen",
    "Your request is granted in part": "Ihrem Antrag wird teilweise entsprochen",
    "Your request for {right} of {received} is granted.": "Ihrem Antrag vom {received} ({right}) "
    "wird entsprochen.",
    "Your request for {right} of {received} is granted in part.": "Ihrem Antrag vom {received} "
    "({right}) wird teilweise "
    "entsprochen.",
    "Not carried out: {what}.": "Nicht durchgeführt: {what}.",
    "Exemptions we rely on: {what}.": "Ausnahmen, auf die wir uns stützen: {what}.",
    "Your request is refused": "Ihr Antrag wird abgelehnt",
    "We cannot meet your request for {right} of {received}. The ground: "
    "{ground}.": "Wir können Ihrem "
    "Antrag vom "
    "{received} "
    "({right}) nicht "
    "entsprechen. Die Grundlage: {ground}.",
    "The reason: {reason}.": "Der Grund: {reason}.",
}
