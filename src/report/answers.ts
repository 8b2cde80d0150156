import { dayIn, textsOf, withFieldNames } from './texts/catalogue.ts';
import type { ObjectionCode, Params } from './texts/texts.ts';

export type Answers = ReturnType<typeof createAnswers>;

/**
 * What a customer reads while they order. In the language that the marketplace asks for (two letters), else in the first of
 * its languages, else in English.
 */
export function createAnswers({ languages }: { languages: readonly string[] }) {
  return {
    /** Why an order is refused, and what to do, one text for each objection. */
    objections(objections: { code: ObjectionCode; params: Params }[], language: string | undefined): string[] {
      const texts = textsOf(language, languages[0]);
      return objections.map(({ code, params }) => texts.objections[code](withFieldNames(params, texts)));
    },

    /** How the tenant that the buyer's company has already is called in a list of choices. */
    existingOrganisation: (language: string | undefined): string =>
      textsOf(language, languages[0]).choices.existingOrganisation,

    /** How a day on which the first term may end is called there; `date` as ISO day. */
    termEnd({ date, isShared }: { date: string; isShared: boolean }, language: string | undefined): string {
      const { sharedTermEnd, monthlyTermEnd } = textsOf(language, languages[0]).choices;
      return (isShared ? sharedTermEnd : monthlyTermEnd)({ date: dayIn(date, language, languages[0]) });
    },
  };
}
