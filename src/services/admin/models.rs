//! What admins set of the models: maintenance, and how many hours their runs may take.

use super::may_set;
use crate::actor::Actor;
use crate::admin::{ModelRow, ModelSettings};
use crate::audit::Act;
use crate::error::{Error, Result};
use crate::ligand::check_name;
use crate::model::Model;
use crate::ports::documents::Expect;
use crate::services::Services;
use crate::services::audit::{entry, noted};
use crate::services::hours::settings_key;
use crate::services::store;

/// Hours of one model that a month may have at most: a thousand machines day and night.
const MOST_HOURS: f64 = 744_000.0;

impl Services {
    /// Every model, with what was set of it.
    pub async fn model_settings(&self, actor: &Actor) -> Result<Vec<ModelRow>> {
        actor.administers()?;
        let cards = self.models(actor).await?;
        let now = self.store.now().await?;
        let mut rows = Vec::new();
        for card in cards {
            rows.push(ModelRow {
                id: card.id,
                settings: self.settings_of(card.id).await?,
                hours_this_month: self.hours.of(card.id, now).await?,
                reason: card.reason,
            });
        }
        Ok(rows)
    }

    /// Sets a model's maintenance and hours. Here it holds at once, on other servers within seconds.
    pub async fn set_model(
        &self,
        actor: &Actor,
        model: Model,
        mut settings: ModelSettings,
    ) -> Result<()> {
        may_set(actor)?;
        settings.maintenance = settings
            .maintenance
            .map(|reason| reason.trim().to_owned())
            .filter(|reason| !reason.is_empty());
        if let Some(Err(message)) = settings
            .maintenance
            .as_ref()
            .map(|reason| check_name(reason, 200))
        {
            return Err(Error::invalid(
                "maintenance",
                format!("the reason {message}"),
            ));
        }
        if settings
            .hours_per_month
            .is_some_and(|hours| !(0.0..=MOST_HOURS).contains(&hours))
        {
            return Err(Error::invalid(
                "hours_per_month",
                "the hours of a month are a number from 0 to 744,000; leave them out for no limit",
            ));
        }
        let now = self.store.now().await?;
        let told = match (&settings.maintenance, settings.hours_per_month) {
            (Some(reason), _) => format!("in maintenance: {reason}"),
            (None, Some(hours)) => format!("{hours} hours a month"),
            (None, None) => "no maintenance, no limit of hours".to_owned(),
        };
        let to = format!("{}: {told}", model.title());
        let entry = entry(actor, Act::ModelSet, to, &actor.owner, now);
        let writes = vec![
            store::put(settings_key(model), &settings, Expect::Any)?,
            noted(&entry)?,
        ];
        self.store.write(writes).await?;
        self.offers.forget();
        // Whoever looks at a job that waits reads why at once. That the gateway is down is no fault of this.
        let _answered = self.offers(now).await?;
        self.changes.work_appeared();
        Ok(())
    }
}
